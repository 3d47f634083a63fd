package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/journal"
)

// journalCmd reads the journal, also while the daemon writes it.
type journalCmd struct {
	Verify verifyCmd `cmd:"" help:"Check that no line of the record, or of an exported file, was changed."`
	Export exportCmd `cmd:"" help:"Write lines of the record as a file that proves itself."`
}

// place says where the journal is.
type place struct {
	Config  string `placeholder:"FILE" xor:"place" help:"Configuration whose data_dir holds the journal."`
	DataDir string `placeholder:"DIR" xor:"place" help:"Directory that holds the journal."`
}

func (p *place) dir() (string, error) {
	dir := p.DataDir
	switch {
	case p.Config != "":
		cfg, err := config.Load(p.Config, config.ForCheck)
		if err != nil {
			return "", &exitError{exitConfig, fmt.Errorf("the configuration cannot be used:\n%w", err)}
		}
		dir = cfg.DataDir
	case dir == "":
		return "", &exitError{exitUsage, fmt.Errorf("where is the journal? Give --config FILE or --data-dir DIR")}
	}
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("there is no journal: %w", err)
	}
	return dir, nil
}

// verifyCmd checks a record or an exported file.
type verifyCmd struct {
	place
	File string `placeholder:"FILE" help:"Exported file to check instead of a journal."`
}

// Run says whether everything is as it was written, and if not, where.
func (c *verifyCmd) Run(ctx context.Context, env *environment) error {
	if c.File != "" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		h, err := journal.VerifyExport(f)
		if err != nil {
			return fmt.Errorf("%s: %w", c.File, err)
		}
		fmt.Fprintf(env.stdout, "%s: intact: %d lines, exported %s from a record up to line %d, hash %s\n",
			c.File, h.Lines, h.Exported.Format(time.RFC3339), h.Record.Last.Seq, h.Record.Last.Hash)
		return nil
	}
	dir, err := c.dir()
	if err != nil {
		return err
	}
	v, err := journal.Verify(ctx, dir)
	if err != nil {
		return err
	}
	if v.Broken != "" {
		return fmt.Errorf("the record in %s is broken at %s; the %d lines before it are intact", dir, v.Broken, v.Lines)
	}
	if v.Files == 0 {
		return fmt.Errorf("there is no record in %s", dir)
	}
	fmt.Fprintf(env.stdout, "%s: intact: %d lines in %d files, from %d to %d, hash %s\n", dir, v.Lines, v.Files, v.First, v.Last.Seq, v.Last.Hash)
	if v.Unfinished > 0 {
		fmt.Fprintf(env.stdout, "after them %d bytes of a line that is being written, or that a crash tore: the next start cuts them off\n", v.Unfinished)
	}
	return nil
}

// exportCmd writes an evidence file.
type exportCmd struct {
	place
	Site   string    `placeholder:"ID" help:"Lines of this site only, and those of the journal itself. Default: all."`
	Since  time.Time `placeholder:"TIME" help:"Lines since then only, such as 2026-01-30T17:00:00Z."`
	Kind   []string  `placeholder:"KIND" help:"Lines of these kinds only, such as intent,verdict,excursion."`
	Output string    `placeholder:"FILE" default:"-" help:"File to write, which must not exist; - is the standard output."`
}

// Run writes the file.
func (c *exportCmd) Run(ctx context.Context, env *environment) (err error) {
	dir, err := c.dir()
	if err != nil {
		return err
	}
	out := env.stdout
	if c.Output != "-" {
		f, err := os.OpenFile(c.Output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
		if err != nil {
			return err
		}
		defer f.Close()
		out = f
		defer func() {
			if err == nil {
				err = f.Sync()
			}
		}()
	}
	h, err := journal.Export(ctx, out, dir, journal.Query{Site: c.Site, Since: c.Since, Kinds: c.Kind}, time.Now())
	if err != nil {
		return err
	}
	env.log.Info("exported the record", "lines", h.Lines, "sha256", h.SHA256)
	return nil
}
