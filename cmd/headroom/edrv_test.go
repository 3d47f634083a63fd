package main

import (
	"context"
	"net"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/headroom-ev/headroom/edrvapi/edrvsim"
)

// The secrets of the simulated eDRV. They open nothing.
const (
	simKey    = "test-api-key"
	simSecret = "test-webhook-secret"
)

// yard is an account with one location: two AC outlets of a station, at the
// first of which a car charges, and a DC charger. Its time runs two hundred times
// as fast as ours.
func yard() edrvsim.Options {
	spec := edrvsim.NewSpec(1)
	spec.Behaviour.Retry, spec.Behaviour.DisableAfter = []time.Duration{5 * time.Second}, 0 // it waits for a receiver
	spec.Behaviour.Auth = edrvsim.Exactly(0)
	spec.Locations = []edrvsim.LocationSpec{{ID: "5f72f55431a6770a131db200", Operator: "Depot", Timezone: "Europe/Berlin"}}
	spec.Circuits = []edrvsim.CircuitSpec{{ID: "grid", LimitAmps: 217}}
	spec.Stations = []edrvsim.StationSpec{
		{ID: "5f72f55431a6770a131db270", Name: "A", Location: "5f72f55431a6770a131db200", Connectors: []edrvsim.ConnectorSpec{
			{ID: "5f72f55431a6770a131db277", Circuit: "grid"}, {ID: "5f72f55431a6770a131db278", Circuit: "grid"},
		}},
		{ID: "5f72f55431a6770a131db271", Name: "Fast", Location: "5f72f55431a6770a131db200", Connectors: []edrvsim.ConnectorSpec{
			{ID: "5f72f55431a6770a131db279", Circuit: "grid", Kind: edrvsim.DC, MaxKW: 100},
		}},
	}
	world, err := edrvsim.New(spec)
	if err != nil {
		panic(err)
	}
	if err := world.Plug(spec.Start, "5f72f55431a6770a131db277", edrvsim.CarSpec{}); err != nil {
		panic(err)
	}
	return edrvsim.Options{World: world, APIKey: simKey, Speed: 200}
}

// startYard serves the yard and returns its address. Its webhooks go to the
// given address.
func startYard(webhooks string, atEnd func(func())) (url string, err error) {
	o := yard()
	o.Webhook = edrvsim.Webhook{
		URL:     "http://" + webhooks + "/webhooks/edrv",
		Signing: edrvsim.Signing{Secret: simSecret, Scheme: edrvsim.SignTimestampBody},
	}
	server := edrvsim.NewServer(o)
	url, err = server.Start(context.Background())
	atEnd(func() {
		if err := server.Close(); err != nil {
			panic(err)
		}
	})
	return url, err
}

// edrvCommand is "edrv" in a script: it starts the yard and tells the script
// where it is.
func edrvCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 0 {
		ts.Fatalf("usage: edrv")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	webhooks := l.Addr().String()
	ts.Check(l.Close())
	url, err := startYard(webhooks, ts.Defer)
	ts.Check(err)
	for name, value := range map[string]string{
		"EDRV_URL": url, "EDRV_API_KEY": simKey, "EDRV_WEBHOOK_SECRET": simSecret, "WEBHOOKS": webhooks,
	} {
		ts.Setenv(name, value)
	}
}
