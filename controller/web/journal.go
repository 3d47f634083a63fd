package web

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"regexp"
	"slices"
	"time"
)

// JournalQuery says which records are wanted.
type JournalQuery struct {
	Site  string
	Since time.Time // zero: from the beginning
	Kinds []string  // empty: all
}

// wants reports whether a record of that time and kind is meant.
func (q *JournalQuery) wants(at time.Time, kind string) bool {
	return !at.Before(q.Since) && (len(q.Kinds) == 0 || slices.Contains(q.Kinds, kind))
}

var kindForm = regexp.MustCompile(`^[a-z_]{1,32}$`)

func journalQuery(site string, r *http.Request) (JournalQuery, error) {
	q := JournalQuery{Site: site, Kinds: r.URL.Query()["kind"]}
	for _, kind := range q.Kinds {
		if !kindForm.MatchString(kind) {
			return q, refuse(http.StatusBadRequest, "kind: %q is no kind of record", kind)
		}
	}
	since := r.URL.Query().Get("since")
	if since == "" {
		return q, nil
	}
	var err error
	if q.Since, err = time.Parse(time.RFC3339, since); err != nil {
		return q, refuse(http.StatusBadRequest, "since: %q is no time such as 2026-01-30T17:00:00Z", since)
	}
	return q, nil
}

// showJournal streams the records as JSON lines. Once the answer has begun, a
// record that can not be had breaks the connection, so that nobody takes a part
// for the whole.
func (s *Server) showJournal(w http.ResponseWriter, r *http.Request) error {
	site, _, err := s.site(r)
	if err != nil {
		return err
	}
	q, err := journalQuery(site, r)
	if err != nil {
		return err
	}
	records := s.opts.Journal
	if records == nil {
		records = s.notes
	}
	rc := http.NewResponseController(w)
	lines := 0
	for record, err := range records(r.Context(), q) {
		switch {
		case err != nil && lines == 0:
			return fmt.Errorf("read the journal of site %s: %w", site, err)
		case err != nil:
			s.log.Error("the journal broke off while it was read", "site", site, "reason", err)
			panic(http.ErrAbortHandler)
		case lines%256 == 0:
			_ = rc.SetWriteDeadline(time.Now().Add(answerWithin))
		}
		if lines == 0 {
			journalHeader(w)
		}
		if _, err := w.Write(append(slices.Clip(record), '\n')); err != nil {
			return nil // the client is gone
		}
		lines++
	}
	if lines == 0 {
		journalHeader(w)
	}
	return nil
}

func journalHeader(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/jsonl")
	w.Header().Set("Cache-Control", "no-store")
}

// notes are the newest notes as records.
func (s *Server) notes(_ context.Context, q JournalQuery) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		for _, note := range s.opts.Sites.Notes(q.Site) {
			if !q.wants(note.At, string(note.Kind)) {
				continue
			}
			if record, err := json.Marshal(note); !yield(record, err) {
				return
			}
		}
	}
}
