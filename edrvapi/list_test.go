package edrvapi

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// lister is an eDRV with n sessions and a way of its own to make pages.
type lister struct {
	sessions []string
	first    int  // the number of the first page
	hasNext  bool // says so
	largest  int  // page that it gives, whatever is asked
	ignores  bool // the page asked for
	asked    int
}

func newLister(n int) *lister {
	l := &lister{first: 1, hasNext: true, largest: 1000}
	for i := range n {
		l.sessions = append(l.sessions, fmt.Sprintf(`{"_id":"s%04d","status":"Started"}`, i))
	}
	return l
}

func (l *lister) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.asked++
	limit, _ := strconv.Atoi(r.URL.Query().Get("paginate_limit"))
	limit = min(limit, l.largest)
	page := l.first
	if text := r.URL.Query().Get("paginate_page"); text != "" && !l.ignores {
		page, _ = strconv.Atoi(text)
	}
	from := min(max(page-l.first, 0)*limit, len(l.sessions))
	to := min(from+limit, len(l.sessions))
	more := ""
	if l.hasNext {
		more = fmt.Sprintf(`,"hasNext":%t`, to < len(l.sessions))
	}
	fmt.Fprintf(w, `{"ok":true,"result":[%s]%s}`, strings.Join(l.sessions[from:to], ","), more)
}

// TestPaging: whatever way eDRV numbers its pages, the list is whole.
func TestPaging(t *testing.T) {
	for name, tc := range map[string]struct {
		n      int
		change func(*lister)
		asked  int
	}{
		"none":                       {0, nil, 1},
		"one page":                   {100, nil, 1},
		"pages from 1":               {250, nil, 4},
		"pages from 0":               {250, func(l *lister) { l.first = 0 }, 3},
		"few, without hasNext":       {19, func(l *lister) { l.hasNext = false }, 1},
		"pages from 1, no hasNext":   {250, func(l *lister) { l.hasNext = false }, 5},
		"pages from 0, no hasNext":   {250, func(l *lister) { l.first, l.hasNext = 0, false }, 4},
		"its own page size":          {130, func(l *lister) { l.largest = 20 }, 8},
		"own page size, no hasNext":  {130, func(l *lister) { l.largest, l.hasNext = 20, false }, 8},
		"whole number of pages":      {200, func(l *lister) { l.hasNext = false }, 4},
		"one page, ignores pages":    {60, func(l *lister) { l.ignores, l.hasNext = true, false }, 3},
		"20 of 20, ignores all this": {20, func(l *lister) { l.ignores, l.hasNext, l.largest = true, false, 20 }, 3},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLister(tc.n)
			if tc.change != nil {
				tc.change(l)
			}
			list, err := inMemory(t, l.ServeHTTP).Sessions(t.Context())
			require.NoError(t, err)
			require.Len(t, list.Items, tc.n)
			require.Zero(t, list.Skipped)
			require.Equal(t, tc.asked, l.asked)
			for i, s := range list.Items {
				require.Equal(t, fmt.Sprintf("s%04d", i), s.ID, "in eDRV's order, none twice")
			}
		})
	}
}

// TestNoPartialList: a list that can not be whole is an error.
func TestNoPartialList(t *testing.T) {
	for name, tc := range map[string]struct {
		handler func(l *lister) http.HandlerFunc
		cause   error
	}{
		"ignores pages and says there is more": {func(l *lister) http.HandlerFunc { l.ignores = true; return l.ServeHTTP }, ErrIncomplete},
		"more than all pages":                  {func(l *lister) http.HandlerFunc { l.largest = 2; return l.ServeHTTP }, ErrIncomplete},
		"fails on a later page": {func(l *lister) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Get("paginate_page") == "2" {
					answers(500, "")(w, r)
					return
				}
				l.ServeHTTP(w, r)
			}
		}, nil},
		"empty page and says there is more": {func(*lister) http.HandlerFunc {
			return answers(200, `{"ok":true,"result":[],"hasNext":true}`)
		}, ErrIncomplete},
		"null":      {func(*lister) http.HandlerFunc { return answers(200, `{"ok":true,"result":null}`) }, ErrUnreadable},
		"an object": {func(*lister) http.HandlerFunc { return answers(200, ok(`{"docs":[]}`)) }, ErrUnreadable},
		"no result": {func(*lister) http.HandlerFunc { return answers(200, `{"ok":true}`) }, ErrUnreadable},
	} {
		t.Run(name, func(t *testing.T) {
			list, err := inMemory(t, tc.handler(newLister(300))).Sessions(t.Context())
			require.Error(t, err)
			if tc.cause != nil {
				require.ErrorIs(t, err, tc.cause)
			}
			require.Equal(t, OpSessions, asError(t, err).Operation)
			require.Empty(t, list)
		})
	}
}

// TestOneBadItem: what can not be decoded is counted, and hides none of the others.
func TestOneBadItem(t *testing.T) {
	for name, bad := range map[string]string{
		"no id":         `{"status":"Started"}`,
		"not an object": `"s9"`,
		"null":          `null`,
		"duplicate":     `{"_id":"s9","status":"Started","status":"Ended"}`,
		"invalid UTF-8": "{\"_id\":\"s9\",\"x\":\"\xff\"}",
		"too deep":      `{"_id":"s9","x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`,
	} {
		list, err := inMemory(t, answers(200, ok(`[{"_id":"s1","status":"Started"},`+bad+`,{"_id":"s2","status":"Started"}]`))).Sessions(t.Context())
		require.NoError(t, err, name)
		require.Equal(t, 1, list.Skipped, name)
		require.Len(t, list.Items, 2, name)
	}
	// A page that is there twice counts its bad items once.
	l := newLister(120)
	l.sessions[5] = `{"status":"Started"}`
	list, err := inMemory(t, l.ServeHTTP).Sessions(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, list.Skipped)
	require.Len(t, list.Items, 119)
}

// TestFilterIsChecked: of a server that ignores the filter only what may charge is
// taken.
func TestFilterIsChecked(t *testing.T) {
	list, err := inMemory(t, answers(200, ok(`[{"_id":"a","status":"Ended"},{"_id":"b","status":"STARTED"},{"_id":"c","status":"created"},
		{"_id":"d","status":"cancelled"},{"_id":"e","status":"paused"},{"_id":"f"}]`))).Sessions(t.Context())
	require.NoError(t, err)
	var ids []string
	for _, s := range list.Items {
		ids = append(ids, s.ID)
	}
	require.Equal(t, []string{"b", "e", "f"}, ids)
}
