package journal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A database with any single bit wrong is either read as it was written, or
// not used at all, and never ends the process.
func TestNoFlippedBitOfTheStateIsBelieved(t *testing.T) {
	dir := filled(t, 300) // more than a page of them
	path := filepath.Join(dir, stateName)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	want, err := readState(dir)
	require.NoError(t, err)
	require.Len(t, want.values, 300)
	refused := 0
	const step = 23 // a prime: all places in a page come up
	for at := int64(0); at < int64(len(whole)); at += step {
		flip(t, path, at, uint(at%8))
		got, err := readState(dir)
		if err != nil {
			require.Empty(t, got.values)
			refused++
		} else {
			require.Equal(t, want.values, got.values, "byte %d", at)
		}
		flip(t, path, at, uint(at%8))
	}
	t.Logf("%d of %d flips were refused, the others hit what is not in use", refused, len(whole)/step)
	require.Greater(t, refused, 100)
}

func TestATruncatedStateIsNotBelieved(t *testing.T) {
	dir := filled(t, 100)
	path := filepath.Join(dir, stateName)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for size := 0; size < len(whole); size += 1021 {
		require.NoError(t, os.WriteFile(path, whole[:size], 0o600))
		if got, err := readState(dir); err == nil {
			require.Len(t, got.values, 100, "cut to %d bytes", size)
		}
	}
}

func TestADamagedStateIsSetAside(t *testing.T) {
	dir := filled(t, 10)
	require.NoError(t, os.WriteFile(filepath.Join(dir, stateName), []byte(strings.Repeat("rubbish ", 2000)), 0o600))
	l := live(t, dir)
	values, at := l.Values("")
	require.Empty(t, values)
	require.Zero(t, at)
	require.Len(t, l.Stats().Opened, 1)
	require.Contains(t, l.Stats().Opened[0], "starting as without a record")
	require.NoError(t, l.save("new", "1"))
	l.end()
	require.Equal(t, "1", value(t, dir, "new"))
	aside, err := filepath.Glob(filepath.Join(dir, stateName+".damaged-*"))
	require.NoError(t, err)
	require.Len(t, aside, 1)
	text, err := os.ReadFile(aside[0])
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(text, []byte("rubbish ")))
}

// However many bytes of the last line a crash left, the record goes on with a
// note where the torn line was.
func TestATornLineIsCutOff(t *testing.T) {
	source := filled(t, 3)
	whole, err := os.ReadFile(segmentPath(source, 1))
	require.NoError(t, err)
	last := bytes.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for name, content := range map[string][]byte{
		"one byte":        whole[:last+1],
		"half":            whole[:(last+len(whole))/2],
		"without newline": whole[:len(whole)-1],
		"zeros":           append(whole[:last:last], make([]byte, 4096)...),
		"another's":       append(whole[:last:last], "rubbish\nrubbish\n"...),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(segmentPath(dir, 1), content, 0o600))
			l := live(t, dir)
			require.Contains(t, strings.Join(l.Stats().Opened, "\n"), "they are cut off")
			require.NoError(t, l.save("next", "1"))
			l.end()
			require.Equal(t, []string{"k0=v", "k1=v", "next=1"}, texts(t, dir))
			require.Equal(t, 4, requireSound(t, dir).Lines, "with the note of what was cut off")
		})
	}
}

func TestAFileWithoutALineIsWrittenAnew(t *testing.T) {
	dir := filled(t, 3)
	require.NoError(t, os.WriteFile(segmentPath(dir, 4), make([]byte, 100), 0o600))
	l := live(t, dir)
	require.NoError(t, l.save("next", "1"))
	l.end()
	require.Equal(t, []string{"k0=v", "k1=v", "k2=v", "next=1"}, texts(t, dir))
	require.Equal(t, 2, requireSound(t, dir).Files)
}

// Every change of a record between its first and its last line is found, and
// where it is.
func TestVerifyFindsTheFirstLineThatIsWrong(t *testing.T) {
	source := filled(t, 9)
	whole, err := os.ReadFile(segmentPath(source, 1))
	require.NoError(t, err)
	lines := strings.SplitAfter(strings.TrimSuffix(string(whole), "\n"), "\n")
	require.Len(t, lines, 9)
	forged, _, err := appendLine(nil, Head{Seq: 4}, Entry{Kind: "intent", Text: "forged"})
	require.NoError(t, err)
	change := func(f func(l []string) []string) string {
		return strings.Join(f(append([]string(nil), lines...)), "") + "\n"
	}
	for name, c := range map[string]struct{ content, broken string }{
		"nothing":   {string(whole), ""},
		"one bit":   {strings.Replace(string(whole), "k4=v", "k4=w", 1), "record-000000000001.jsonl:5: it was changed"},
		"removed":   {change(func(l []string) []string { return append(l[:3], l[4:]...) }), ":4: it has number 5, where 4 should follow"},
		"swapped":   {change(func(l []string) []string { l[2], l[3] = l[3], l[2]; return l }), ":3: it has number 4"},
		"exchanged": {change(func(l []string) []string { l[4] = string(forged); return l }), ":5: it does not follow from the line before"},
		"doubled":   {change(func(l []string) []string { l[6] = l[5] + l[6]; return l }), ":7: it has number 6"},
		"rubbish":   {change(func(l []string) []string { l[1] = "{}\n"; return l }), ":2: it is no line of a record"},
		"cut":       {change(func(l []string) []string { l[1] = l[1][:50] + "\n"; return l }), ":2: it is no line"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(segmentPath(dir, 1), []byte(c.content), 0o600))
			v, err := Verify(t.Context(), dir)
			require.NoError(t, err)
			if c.broken == "" {
				require.Empty(t, v.Broken)
				return
			}
			require.Contains(t, v.Broken, c.broken)

			// Headroom goes on after it, and does not hide it.
			l := live(t, dir)
			require.Contains(t, strings.Join(l.Stats().Opened, ""), "the record is damaged")
			require.NoError(t, l.save("next", "1"))
			l.end()
			again, err := Verify(t.Context(), dir)
			require.NoError(t, err)
			require.Equal(t, v.Broken, again.Broken)
		})
	}
}

func TestTheRecordGoesOnInAnotherFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		l := live(t, dir)
		for i := range 4 {
			require.NoError(t, l.save(fmt.Sprint(i), "v"))
			time.Sleep(13 * time.Hour)
		}
		long := strings.Repeat("x", maxLine/2)
		for range maxSegment/(maxLine/2) + 2 {
			l.Save(Batch{Entries: []Entry{{At: time.Now(), Kind: "plan", Text: long}}})
			time.Sleep(2 * time.Second)
		}
		l.end()
		require.Equal(t, 4, requireSound(t, dir).Files, "one for each day, and one because the third was full")
		var since []string
		for line, err := range Lines(t.Context(), dir, Query{Since: time.Now().Add(-15 * time.Hour), Kinds: []string{"intent"}}) {
			require.NoError(t, err)
			since = append(since, string(line))
		}
		require.Len(t, since, 1)
	})
}

func TestTheOldestFilesGoWhenTheRecordIsTooLarge(t *testing.T) {
	dir := t.TempDir()
	for first := uint64(1); first <= 4; first++ {
		require.NoError(t, os.WriteFile(segmentPath(dir, first), make([]byte, 100), 0o600))
	}
	w := &writer{dir: dir}
	require.NoError(t, w.expire(400))
	all, err := segments(dir)
	require.NoError(t, err)
	require.Len(t, all, 4)
	require.NoError(t, w.expire(299))
	all, err = segments(dir)
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, uint64(3), all[0].first)
}

func TestALineThatIsTooLongIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	l := live(t, dir)
	l.Save(Batch{Entries: []Entry{{Kind: "plan", Text: strings.Repeat("x", maxLine)}}})
	require.NoError(t, l.save("a", "1"))
	l.end()
	require.Equal(t, 1, requireSound(t, dir).Lines)
}

func TestAnExportedFileProvesItself(t *testing.T) {
	dir := t.TempDir()
	l := live(t, dir)
	start := time.Now().Add(-time.Hour)
	for i := range 6 {
		site := []string{"depot", "yard"}[i%2]
		l.Save(Batch{Entries: []Entry{{At: start.Add(time.Duration(i) * time.Minute), Site: site, Kind: []string{"intent", "verdict"}[i/3], Text: fmt.Sprint(i)}}})
	}
	l.end()
	var out bytes.Buffer
	h, err := Export(t.Context(), &out, dir, Query{Site: "depot", Since: start.Add(time.Minute), Kinds: []string{"intent", "verdict"}}, start)
	require.NoError(t, err)
	require.Equal(t, 2, h.Lines)
	got, err := VerifyExport(bytes.NewReader(out.Bytes()))
	require.NoError(t, err)
	require.Equal(t, h.SHA256, got.SHA256)
	require.Equal(t, requireSound(t, dir).Last, got.Record.Last)

	file := strings.SplitAfter(out.String(), "\n")
	for name, c := range map[string]struct{ content, want string }{
		"a line changed":  {strings.Replace(out.String(), `"text":"2"`, `"text":"3"`, 1), "line 2: it was changed"},
		"a line less":     {file[0] + file[2], "are not those"},
		"a line twice":    {file[0] + file[1] + file[1], "line 3: it does not belong here"},
		"a line more":     {out.String() + file[2], "line 4: it does not belong here"},
		"another header":  {strings.Replace(out.String(), exportFormat, "something", 1), "line 1: it is no header"},
		"its end cut off": {strings.TrimSuffix(out.String(), "\n"), "line 3: it does not belong here"},
		"nothing":         {"", "line 1: it is no header"},
	} {
		_, err := VerifyExport(strings.NewReader(c.content))
		require.ErrorContains(t, err, c.want, name)
	}

	flip(t, segmentPath(dir, 1), 40, 0)
	_, err = Export(t.Context(), &out, dir, Query{}, start)
	require.ErrorContains(t, err, "record-000000000001.jsonl:1")
}
