package edrvapi

import "github.com/go-json-experiment/json/jsontext"

// reply is eDRV's envelope taken apart: {"ok", "message", "result", "hasNext"}. What is
// inside result is not looked at.
type reply struct {
	ok      Maybe[bool]
	message string
	hasNext Maybe[bool]
	result  []byte   // as written; nil if it is missing, null or an array
	items   [][]byte // of an array, as written; nil if it is none
}

// parseReply takes an answer apart. One item that breaks the rules of JSON for names or
// text must not hide the others, so those rules are left to the decoding of the items.
func parseReply(body []byte) (reply, error) {
	var p reply
	seen := make(map[string]bool, 4)
	r := openReader(body, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	defer r.release()
	if r.err == nil && r.kind() != '{' {
		r.skip()
		if err := r.finish(); err != nil {
			return reply{}, err
		}
		return reply{}, unreadable("not an object")
	}
	for name := range r.object() {
		key := string(name)
		switch key {
		case "ok":
			p.ok = r.boolean()
		case "message":
			p.message = string(r.word())
		case "hasNext":
			p.hasNext = r.boolean()
		case "result":
			r.result(&p, body)
		default:
			r.skip()
			continue
		}
		if seen[key] {
			return reply{}, unreadable("%s stands there twice", key)
		}
		seen[key] = true
	}
	return p, r.finish()
}

// result reads the result as it is written in body.
func (r *reader) result(p *reply, body []byte) {
	switch r.kind() {
	case 'n':
		r.skip()
	case '[':
		p.items = [][]byte{}
		for range r.array() {
			p.items = append(p.items, r.raw(body))
		}
	default:
		p.result = r.raw(body)
	}
}
