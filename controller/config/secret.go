package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
)

// Secret is a value that is never in the file: the file holds a reference to it,
// ${NAME} for an environment variable or ${file:PATH} for a file, and nothing
// else. However a Secret is printed, alone or inside a struct, only [redacted]
// appears, or the address of its hiding place.
type Secret struct {
	ref   string // As in the file. Not secret.
	lines bool   // Whether it may have several lines.
	// A pointer, because fmt does not call the methods of unexported fields.
	value *string
}

const redacted = "[redacted]"

// NewSecret is a secret that does not come from a file.
func NewSecret(value string) Secret { return Secret{value: &value} }

// Reveal is the secret itself: empty where the key was not given, or where the
// file was read for a use that needs no secrets.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsSet reports whether the file gives a reference, resolved or not.
func (s Secret) IsSet() bool { return s.ref != "" || s.value != nil }

// Equal reports whether two secrets have the same value.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// String is [redacted].
func (Secret) String() string { return redacted }

// GoString is [redacted].
func (Secret) GoString() string { return redacted }

// Format writes [redacted] for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue is [redacted].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON writes "[redacted]".
func (Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// MarshalYAML writes [redacted].
func (Secret) MarshalYAML() (any, error) { return redacted, nil }

// MarshalText writes [redacted], also for map keys and other encoders.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

var (
	secretEnv  = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$`)
	secretFile = regexp.MustCompile(`^\$\{file:([^\x00}]+)\}$`)
)

func parseSecret(text string) (Secret, error) {
	if !secretEnv.MatchString(text) && !secretFile.MatchString(text) {
		return Secret{}, errForm
	}
	return Secret{ref: text}, nil
}

// resolve fetches the value that the reference stands for. The error says what to
// mend, and never holds the value.
func (s *Secret) resolve(env func(string) (string, bool)) (warning string, err error) {
	var value string
	if m := secretFile.FindStringSubmatch(s.ref); m != nil {
		if value, warning, err = readSecret(m[1]); err != nil {
			return "", err
		}
	} else {
		name := secretEnv.FindStringSubmatch(s.ref)[1]
		set := false
		if value, set = env(name); !set || value == "" {
			return "", fmt.Errorf("the environment variable %s is not set or empty: set it where headroom is started", name)
		}
	}
	if strings.ContainsFunc(value, func(r rune) bool { return (r < ' ' || r == 0x7f) && (!s.lines || r != '\n' && r != '\r') }) {
		return "", fmt.Errorf("the value of %s holds a line break or another control character: remove it", s.ref)
	}
	s.value = &value
	return warning, nil
}

// maxSecretSize bounds what is read of a secret's file.
const maxSecretSize = 64 << 10

// readSecret reads a secret's file, less one line break at its end. It refuses a
// file that everybody may read; a group may read it, since that is how
// credentials are shared with a service, and may not write it without a warning.
func readSecret(path string) (value, warning string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", "", readError(path, err)
	}
	mode := info.Mode()
	switch {
	case !mode.IsRegular():
		return "", "", fmt.Errorf("%s is not a regular file: name the file that holds the secret", path)
	case mode.Perm()&0o007 != 0:
		return "", "", fmt.Errorf("%s is open to everybody (mode %#o): chmod 0640 it (Kubernetes: defaultMode: 0440)", path, mode.Perm())
	case info.Size() > maxSecretSize:
		return "", "", fmt.Errorf("%s is too large for a secret (%d bytes)", path, info.Size())
	case mode.Perm()&0o030 != 0:
		warning = fmt.Sprintf("%s can be changed by its group (mode %#o): chmod 0640 it", path, mode.Perm())
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return "", "", readError(path, err)
	}
	value = strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if value == "" {
		return "", "", fmt.Errorf("%s is empty: write the secret into it", path)
	}
	return value, warning, nil
}

// readError says why a file cannot be read, without repeating its path.
func readError(path string, err error) error {
	if pathErr, ok := errors.AsType[*os.PathError](err); ok {
		err = pathErr.Err
	}
	return fmt.Errorf("%s cannot be read: %w", path, err)
}
