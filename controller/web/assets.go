package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
)

//go:embed assets
var assets embed.FS

// served are the assets that a browser may ask for, with their types. The
// types of the machine are not asked: they may be wrong.
var served = map[string]string{
	"style.css": "text/css; charset=utf-8",
	"page.js":   "text/javascript; charset=utf-8",
	"morph.js":  "text/javascript; charset=utf-8",
	"times.js":  "text/javascript; charset=utf-8",
	"chart.js":  "text/javascript; charset=utf-8",
	"plot.js":   "text/javascript; charset=utf-8",
	"forms.js":  "text/javascript; charset=utf-8",
	"icon.svg":  "image/svg+xml",
}

// assetVersion changes whenever an asset does. A page that finds that it is of
// another version loads itself again.
var assetVersion = hashAssets()

func hashAssets() string {
	h := sha256.New()
	_ = fs.WalkDir(assets, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			data, _ := assets.ReadFile(name)
			_, _ = h.Write([]byte(name))
			_, _ = h.Write(data)
		}
		return err
	})
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// serveAsset serves one file. Browsers ask again every time, and are told that
// nothing changed.
func serveAsset(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	kind, ok := served[name]
	if !ok {
		return refuse(http.StatusNotFound, "no such file: %s", name)
	}
	tag := `"` + assetVersion + `"`
	w.Header().Set("ETag", tag)
	w.Header().Set("Cache-Control", "no-cache")
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	data, err := assets.ReadFile(path.Join("assets", name))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(data)
	return nil
}
