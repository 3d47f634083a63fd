package main

import (
	"fmt"
	"time"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/internal/replay"
)

// explainCmd asks the engine why.
type explainCmd struct {
	Config   string    `required:"" placeholder:"FILE" help:"Configuration file; one with sites alone will do."`
	Sessions string    `required:"" placeholder:"CSV" help:"Sessions, as for replay."`
	Session  string    `placeholder:"ID" help:"Explain this session only."`
	At       time.Time `placeholder:"TIME" help:"At this time, as RFC 3339; without it when most sessions are there."`
	Site     string    `placeholder:"ID" help:"Site of a configuration that has several."`
	Format   string    `enum:"table,json" default:"table" help:"Output: table or json."`
}

// Run explains.
func (c *explainCmd) Run(env *environment) error {
	file, err := openSites(env, c.Config, config.ForExplain)
	if err != nil {
		return err
	}
	recording, err := replay.ReadRecording(c.Sessions)
	if err != nil {
		return fmt.Errorf("the sessions cannot be used:\n%w", err)
	}
	answer, err := replay.Explain(replay.Question{File: file, Recording: recording, Site: c.Site, Session: c.Session, At: c.At})
	if err != nil {
		return exitFor(err)
	}
	return inFormat(c.Format, env.stdout, answer)
}
