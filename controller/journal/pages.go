package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"go.etcd.io/bbolt"
)

// The layout of bbolt's pages, version 2 of its format. A page begins with its
// id (8 bytes), type (2), number of elements (2) and overflow pages (4). Elements
// are of 16 bytes: in a branch the distance to the key (4), its length (4) and a
// page (8); in a leaf flags (4), the distance to key and value (4) and their
// lengths (4, 4). The value of a bucket begins with its root page (8) and a
// sequence (8); if the root is 0, a leaf page follows in the value.
const (
	pageHeader   = 16
	pageElement  = 16
	bucketHeader = 16
	branchPage   = 1
	leafPage     = 2
	bucketFlag   = 1
	maxDepth     = 32
)

// pageWalk looks at the pages of a database before bbolt does. Bbolt trusts its
// pages: one flipped bit makes it read outside the file, or follow a circle of
// pages until the memory is full, which would end the process at every start.
type pageWalk struct {
	file     io.ReaderAt
	pageSize int64
	pages    uint64 // in the file
	seen     map[uint64]bool
}

// checkPages looks at all pages of a database.
func checkPages(tx *bbolt.Tx) error {
	f, err := os.Open(tx.DB().Path())
	if err != nil {
		return err
	}
	defer f.Close()
	size := int64(tx.DB().Info().PageSize)
	w := &pageWalk{file: f, pageSize: size, pages: uint64(tx.Size() / size), seen: map[uint64]bool{}}
	return w.check(uint64(tx.Cursor().Bucket().Root()), 0)
}

// check reports whether the tree below a page can be read to its end.
func (w *pageWalk) check(id uint64, depth int) error {
	switch {
	case id < 2 || id >= w.pages:
		return fmt.Errorf("page %d is not in the file of %d pages", id, w.pages)
	case w.seen[id]:
		return fmt.Errorf("page %d is used twice", id)
	case depth > maxDepth:
		return errors.New("the tree is too deep")
	}
	w.seen[id] = true
	var head [pageHeader]byte
	if _, err := w.file.ReadAt(head[:], int64(id)*w.pageSize); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	overflow := uint64(binary.NativeEndian.Uint32(head[12:]))
	if binary.NativeEndian.Uint64(head[:]) != id || id+overflow >= w.pages {
		return fmt.Errorf("page %d is damaged", id)
	}
	page := make([]byte, int64(1+overflow)*w.pageSize)
	if _, err := w.file.ReadAt(page, int64(id)*w.pageSize); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	if err := w.elements(page, depth); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

func (w *pageWalk) elements(page []byte, depth int) error {
	kind, count := binary.NativeEndian.Uint16(page[8:]), int(binary.NativeEndian.Uint16(page[10:]))
	if kind != leafPage && (kind != branchPage || count == 0) {
		return fmt.Errorf("%d elements of type %d", count, kind)
	}
	if pageHeader+count*pageElement > len(page) {
		return fmt.Errorf("%d elements are too many", count)
	}
	for i := range count {
		element := page[pageHeader+i*pageElement:]
		word := func(at int) uint64 { return uint64(binary.NativeEndian.Uint32(element[at:])) }
		if kind == branchPage {
			if word(0)+word(4) > uint64(len(element)) || word(4) == 0 {
				return fmt.Errorf("key %d is outside", i)
			}
			if err := w.check(binary.NativeEndian.Uint64(element[8:]), depth+1); err != nil {
				return err
			}
			continue
		}
		key, value, end := word(4), word(4)+word(8), word(4)+word(8)+word(12)
		if end > uint64(len(element)) || key == value {
			return fmt.Errorf("entry %d is outside", i)
		}
		if word(0)&bucketFlag == 0 {
			continue
		}
		if err := w.bucket(element[value:end], depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *pageWalk) bucket(value []byte, depth int) error {
	if len(value) < bucketHeader {
		return errors.New("a bucket is too short")
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return w.check(root, depth+1)
	}
	inline := value[bucketHeader:]
	if len(inline) < pageHeader || binary.NativeEndian.Uint16(inline[8:]) != leafPage || depth > maxDepth {
		return errors.New("a bucket is damaged")
	}
	return w.elements(inline, depth+1)
}
