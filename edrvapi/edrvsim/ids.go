package edrvsim

import (
	"encoding/binary"
	"encoding/hex"
	"time"
)

// idSource makes ids in the form of eDRV's, 24 hex digits (a Mongo ObjectId):
// four bytes of seconds, five bytes that belong to the seed, three of a counter.
type idSource struct {
	owner uint64
	n     uint64
}

func newIDSource(seed uint64) idSource {
	return idSource{owner: (seed + 1) * 0x9e3779b97f4a7c15 &^ 0xffffff}
}

func (s *idSource) next(at time.Time) string {
	s.n++
	var raw [12]byte
	binary.BigEndian.PutUint32(raw[:], uint32(at.Unix()))
	binary.BigEndian.PutUint64(raw[4:], s.owner|s.n&0xffffff)
	var text [24]byte
	hex.Encode(text[:], raw[:])
	return string(text[:])
}
