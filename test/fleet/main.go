package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/headroom-ev/headroom/test/fleet/play"
)

func main() {
	o := play.Options{Out: os.Stdout}
	flag.IntVar(&o.Sites, "sites", 100, "simulated `sites`")
	flag.IntVar(&o.Connectors, "connectors", 2, "`connectors` of each site")
	flag.IntVar(&o.Gateways, "gateways", 2, "`gateways`")
	flag.IntVar(&o.Controllers, "controllers", 3, "`controllers`")
	flag.DurationVar(&o.Calm, "calm", 10*time.Second, "`time` between two blows")
	flag.StringVar(&o.Dir, "dir", "", "`folder` for programs, configurations and logs; without it they are removed at the end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := play.Run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}
