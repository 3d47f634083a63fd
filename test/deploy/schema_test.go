package deploy

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// TestSchema: editors accept what the program accepts, and see the mistakes that
// are made most.
func TestSchema(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile("../../docs/headroom.schema.json")
	require.NoError(t, err)
	validate := func(path string) error {
		var file any
		decodeLoosely(t, path, &file)
		return schema.Validate(file)
	}
	const tests = "../../controller/config/testdata"
	good, err := filepath.Glob(tests + "/valid/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, good)
	for _, path := range append(good, "../../config.example.yaml") {
		if strings.HasPrefix(filepath.Base(path), "inventory_") {
			continue // with edrv alone there is nothing to steer: editors are right to ask for sites
		}
		require.NoError(t, validate(path), path)
	}
	for _, name := range []string{"unknown_keys", "enumerations", "booleans", "secret_literal", "sites_missing", "connector_kind_missing"} {
		require.Error(t, validate(tests+"/mistakes/"+name+".yaml"), name)
	}
}
