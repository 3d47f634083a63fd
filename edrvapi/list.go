package edrvapi

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
)

// How lists are read. eDRV's first API had pages of 20 unless asked otherwise; what the
// present one does is not documented.
const (
	pageSize    = 100
	defaultPage = 20
	maxPages    = 100
)

// List is the whole of a list.
type List[T any] struct {
	Items []T

	// Skipped counts the items that could not be decoded. The list is then not the
	// whole truth: one of them may be a session that charges.
	Skipped int
}

// listing is how one kind of list is read.
type listing[T any] struct {
	op     Operation
	path   string
	query  url.Values
	decode func([]byte) (T, error)
	id     func(T) string
}

// read reads all pages. How eDRV counts pages is not documented, so the first request
// names no page and the second names page 1: with pages from 0 that is the second page,
// with pages from 1 it is the first again. Any later page without a new item ends the
// list, since a server that ignores the page would go on for ever.
func (l listing[T]) read(ctx context.Context, c *Client) (List[T], error) {
	var list List[T]
	seen := make(map[string]bool)
	for page := range maxPages {
		answer, err := c.do(ctx, l.request(page))
		if err != nil {
			return List[T]{}, err
		}
		if answer.items == nil {
			return List[T]{}, l.failed(unreadable("result is not a list"))
		}
		fresh, skipped := 0, 0
		for _, item := range answer.items {
			v, err := l.decode(item)
			if err != nil {
				skipped++
			} else if id := l.id(v); !seen[id] {
				seen[id] = true
				list.Items = append(list.Items, v)
				fresh++
			}
		}
		if fresh > 0 || page == 0 {
			list.Skipped += skipped
		}
		more := answer.hasNext
		switch {
		case more.Known && !more.Value, !more.Known && len(answer.items) < defaultPage:
			return list, nil
		case fresh > 0 || page == 1 && len(answer.items) > 0:
		case more.Known:
			return List[T]{}, l.failed(fmt.Errorf("%w: page %d brings nothing new, yet there is more", ErrIncomplete, page))
		default:
			return list, nil
		}
	}
	return List[T]{}, l.failed(fmt.Errorf("%w: more than %d pages", ErrIncomplete, maxPages))
}

// request is the call for a page.
func (l listing[T]) request(page int) *call {
	query := url.Values{"paginate_limit": {strconv.Itoa(pageSize)}}
	maps.Copy(query, l.query)
	if page > 0 {
		query.Set("paginate_page", strconv.Itoa(page))
	}
	return &call{op: l.op, method: http.MethodGet, path: l.path, query: query, large: true, ticket: ticket{class: Read}}
}

func (l listing[T]) failed(why error) error {
	return &Error{Operation: l.op, Status: http.StatusOK, Cause: why}
}
