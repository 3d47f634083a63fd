package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/internal/inventory"
)

// inventoryCmd lists what an account has.
type inventoryCmd struct {
	Config   string `placeholder:"FILE" help:"Configuration file; its section edrv will do. Without it the key is EDRV_API_KEY of the environment, and the address EDRV_URL or eDRV's own."`
	Location string `placeholder:"ID" help:"This eDRV location only."`
}

// Run writes the configuration to start from.
func (c *inventoryCmd) Run(ctx context.Context, env *environment) error {
	cfg, err := c.load()
	if err != nil {
		return &exitError{exitConfig, fmt.Errorf("eDRV cannot be asked:\n%w", err)}
	}
	show, end := env.progress()
	account, err := inventory.Read(ctx, inventory.Options{EDRV: &cfg.EDRV, Location: c.Location, Progress: show})
	end()
	if err != nil {
		return err
	}
	for _, n := range account.Notes {
		fmt.Fprintln(env.stderr, "note:", n)
	}
	return account.WriteYAML(env.stdout)
}

// load reads the file, or what stands for it in the environment.
func (c *inventoryCmd) load() (*config.Config, error) {
	if c.Config != "" {
		return config.Load(c.Config, config.ForInventory)
	}
	text := `edrv: {api_key: "${EDRV_API_KEY}"`
	if url := os.Getenv("EDRV_URL"); url != "" {
		text += ", url: " + strconv.Quote(url)
	}
	return config.Parse("environment", []byte(text+"}"), config.ForInventory, os.LookupEnv)
}
