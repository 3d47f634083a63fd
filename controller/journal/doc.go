// Package journal keeps what must outlive the process: the state that a restart
// begins with, and the record that proves what was done.
//
// The state is a set of named values in a bbolt database, state.db. Every value
// carries a checksum and all of them together another one, so that a database
// that is not what was written last is found out, set aside, and not used. The
// database is written anew at the start and after every error: nothing that
// went wrong is built upon.
//
// The record is a sequence of JSON lines in files named record-<number of the
// first line>.jsonl. Each line holds the SHA-256 of itself and of the line
// before it, so no line can be changed, removed or put in between without the
// rest showing it. A file is followed by a new one after 16 MiB or a day; the
// oldest go when all together pass 2 GiB. What a crash left of a line is cut off
// at the next start.
//
// Save never waits for the disk. One goroutine, Run, writes what has gathered:
// the lines, then the values, each made durable; then it tells those who asked.
// When the disk refuses, everything stays in memory, up to a limit, and is tried
// again until it works.
//
// One process at a time has the directory; Open refuses with ErrInUse.
//
// Where to look: journal.go opens, takes and tells, commit.go writes, entry.go is
// a line, segment.go the files of lines, state.go the database, pages.go keeps
// bbolt from damaged pages, read.go reads and verifies, export.go makes evidence.
// The tests break the disk in every place that the journal touches it.
package journal
