package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// The names of the database, and of a new one until it is complete.
const (
	stateName = "state.db"
	newName   = "state.db.new"
)

const fileMode = 0o640

// schema is the version of what is in state.db.
const schema = 1

var (
	valuesBucket = []byte("values") // by name: seal and value
	aboutBucket  = []byte("about")
	aboutKey     = []byte("about") // seal and JSON of an about
)

// about says what a database must hold.
type about struct {
	Schema int       `json:"schema"`
	At     time.Time `json:"at"` // of the last commit
	Count  int       `json:"count"`
	Sum    uint64    `json:"sum"` // of the seals of all values, modulo 2^64
}

// seal is the checksum of a value. Their sum finds what one alone cannot: a
// value that is missing, or an old one that is back.
func seal(name string, value []byte) uint64 {
	h := sha256.New()
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(name)))
	h.Write(length[:])
	h.Write([]byte(name))
	h.Write(value)
	return binary.BigEndian.Uint64(h.Sum(nil))
}

func sealed(name string, value []byte) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(value)), seal(name, value)), value...)
}

func unseal(name string, stored []byte) ([]byte, error) {
	if len(stored) < 8 || seal(name, stored[8:]) != binary.BigEndian.Uint64(stored) {
		return nil, fmt.Errorf("the value of %q is damaged", name)
	}
	return append([]byte{}, stored[8:]...), nil
}

// image is the state in memory.
type image struct {
	values map[string][]byte
	at     time.Time // when it was last durable; zero: never
	sum    uint64
}

// set gives a value; nil removes it.
func (im *image) set(name string, value []byte) {
	if old, there := im.values[name]; there {
		im.sum -= seal(name, old)
		delete(im.values, name)
	}
	if value != nil {
		im.sum += seal(name, value)
		im.values[name] = value
	}
}

// readState reads a database whole, without writing anything. There is no
// error where there is none.
func readState(dir string) (im image, err error) {
	empty := image{values: map[string][]byte{}}
	path := filepath.Join(dir, stateName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return empty, nil
	}
	defer guard(&err)()
	db, err := bbolt.Open(path, 0, &bbolt.Options{ReadOnly: true, Timeout: 10 * time.Millisecond, NoStatistics: true})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return empty, ErrInUse
	}
	if err != nil {
		return empty, err
	}
	im = image{values: map[string][]byte{}}
	if err := errors.Join(db.View(im.read), db.Close()); err != nil {
		return empty, err
	}
	return im, nil
}

// read fills an empty image.
func (im *image) read(tx *bbolt.Tx) error {
	if err := checkPages(tx); err != nil {
		return err
	}
	values, abouts := tx.Bucket(valuesBucket), tx.Bucket(aboutBucket)
	if values == nil || abouts == nil {
		return errors.New("it is no state of headroom")
	}
	text, err := unseal(string(aboutKey), abouts.Get(aboutKey))
	if err != nil {
		return err
	}
	var want about
	if err := json.Unmarshal(text, &want); err != nil || want.Schema != schema {
		return fmt.Errorf("it is of version %d, and this program knows %d", want.Schema, schema)
	}
	err = values.ForEach(func(name, stored []byte) error {
		value, err := unseal(string(name), stored)
		im.set(string(name), value)
		return err
	})
	if err == nil && (len(im.values) != want.Count || im.sum != want.Sum) {
		err = fmt.Errorf("it does not hold what was stored last: %d of %d values", len(im.values), want.Count)
	}
	im.at = want.At
	return err
}

// store writes the image to state.db.
type store struct {
	dir   string
	fault func(op string) error
	db    *bbolt.DB // nil: a new one must be written
	aside string    // name to give to a state.db that cannot be used; empty: there is none
}

// change is a value to write; nil removes it.
type change struct {
	name  string
	value []byte
}

// write makes changes durable, and what they add up to. Where there is no
// database they must be all values, and a new one is written. After an error the
// old state is still there.
func (s *store) write(changes []change, now about) error {
	text, err := json.Marshal(now)
	if err != nil {
		return err
	}
	fresh := s.db == nil
	if fresh {
		if err := s.create(); err != nil {
			return fmt.Errorf("write a new %s: %w", stateName, err)
		}
	}
	if err := s.update(func(tx *bbolt.Tx) error { return put(tx, changes, text) }); err != nil {
		return fmt.Errorf("write %s: %w", stateName, err)
	}
	if fresh {
		if err := s.takeName(); err != nil {
			return fmt.Errorf("write a new %s: %w", stateName, err)
		}
	}
	return nil
}

// create begins a new database beside the old one.
func (s *store) create() error {
	if err := s.fault("create state"); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(s.dir, newName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return s.open(newName)
}

func (s *store) open(name string) (err error) {
	defer guard(&err)()
	s.db, err = bbolt.Open(filepath.Join(s.dir, name), fileMode, &bbolt.Options{Timeout: time.Second, NoStatistics: true})
	return err
}

// takeName gives a new database the name of the old one. It is closed for that:
// not every system lets an open file have another name.
func (s *store) takeName() error {
	err := s.db.Close()
	s.db = nil
	if err == nil {
		err = s.fault("rename state")
	}
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, stateName)
	if s.aside != "" {
		if err := os.Rename(path, filepath.Join(s.dir, s.aside)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		s.aside = ""
	}
	if err := os.Rename(filepath.Join(s.dir, newName), path); err != nil {
		return err
	}
	if err := syncDir(s.dir); err != nil {
		return err
	}
	return s.open(stateName)
}

// put writes values in a transaction.
func put(tx *bbolt.Tx, changes []change, text []byte) error {
	values, err := tx.CreateBucketIfNotExists(valuesBucket)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if c.value == nil {
			err = values.Delete([]byte(c.name))
		} else {
			err = values.Put([]byte(c.name), sealed(c.name, c.value))
		}
		if err != nil {
			return err
		}
	}
	abouts, err := tx.CreateBucketIfNotExists(aboutBucket)
	if err != nil {
		return err
	}
	return abouts.Put(aboutKey, sealed(string(aboutKey), text))
}

// update runs one transaction. After an error nothing is built upon the file:
// what a failed write left on the disk, and what the kernel still shows of it,
// is nobody's guess.
func (s *store) update(f func(*bbolt.Tx) error) (err error) {
	db, done := s.db, false
	s.db = nil // a database that panicked holds locks that its Close would wait for
	defer func() {
		switch {
		case err == nil:
			s.db = db
		case done:
			_ = db.Close()
		}
	}()
	defer guard(&err)()
	if err := s.fault("commit state"); err != nil {
		done = true
		return err
	}
	err = db.Update(f)
	done = true
	return err
}

// drop closes the database. What it holds is durable, or not trusted.
func (s *store) drop() {
	if s.db != nil {
		_ = s.db.Close()
		s.db = nil
	}
}

// guard makes a panic an error, also one by memory that cannot be read because
// the disk does not deliver it. It is used as defer guard(&err)().
func guard(err *error) func() {
	before := debug.SetPanicOnFault(true)
	return func() {
		debug.SetPanicOnFault(before)
		if r := recover(); r != nil {
			*err = fmt.Errorf("bbolt: %v", r)
		}
	}
}
