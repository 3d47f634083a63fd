package config

import "time"

// Config is one configuration file, complete and checked.
type Config struct {
	// Version of the file's format. This program reads version 1.
	Version int `yaml:"version" default:"1"`
	// EDRV says how to reach eDRV, and how to trust what comes from there.
	EDRV EDRV `yaml:"edrv" required:"run"`
	// Listen holds the addresses that headroom serves.
	Listen Listen `yaml:"listen" required:"run"`
	// DataDir is the directory of the journal. A relative path starts at the
	// working directory.
	DataDir string `yaml:"data_dir" default:"./data" format:"path" reload:"no"`
	// Control holds the times by which every site is steered.
	Control Control `yaml:"control"`
	// Fleet is this machine's place among those that share the sites. Without it
	// this one steers them all.
	Fleet Fleet `yaml:"fleet"`
	// Sites are the places to steer, at least one. A file with fleet may leave them
	// out: then they, and control, are what "headroom fleet apply" gave to the fleet.
	Sites []Site `yaml:"sites" required:"alone"`

	// Warnings are what can be meant but often is not, sorted by position.
	Warnings Problems `yaml:"-"`
	// SHA256 is the hash of the file's bytes in hexadecimal.
	SHA256 string `yaml:"-"`
	// Shared is the hash of what all machines of a fleet must have alike: the
	// sections control and sites, whatever their comments and layout.
	Shared string `yaml:"-"`
}

// EDRV says how to reach eDRV, and how to trust what comes from there.
type EDRV struct {
	// URL is the base of the REST API, with https. Plain http is for a
	// simulator on a loopback address; on a private address it is a warning.
	// A trailing slash is dropped.
	URL string `yaml:"url" default:"https://api.edrv.io/v1.1" format:"url" reload:"no"`
	// APIKey is sent with every request.
	APIKey Secret `yaml:"api_key" required:"run"`
	// WebhookSecrets verify the webhooks; any one of them may match, so that
	// secrets can be rotated. At least one, unless InsecureUnsigned.
	WebhookSecrets []Secret `yaml:"webhook_secrets"`
	// WebhookSigning is the form of the signature; auto accepts all known forms, and
	// once a stronger one has come, weaker ones only for events that are not older
	// than WebhookTolerance.
	WebhookSigning Signing `yaml:"webhook_signing" default:"auto"`
	// WebhookTolerance is how far a webhook's timestamp may lie from our clock,
	// before or after.
	WebhookTolerance time.Duration `yaml:"webhook_tolerance" default:"5m" min:"1s" max:"1h"`
	// InsecureUnsigned accepts webhooks without a signature. Only for tests:
	// it needs a loopback listen.webhooks.
	InsecureUnsigned bool `yaml:"insecure_unsigned" default:"false"`
	// RequestsPerSecond is the most that headroom asks of eDRV, averaged.
	RequestsPerSecond Rate `yaml:"requests_per_second" default:"10" min:"0.001" max:"1000"`
	// SetLimitMethod is the HTTP method of the calls that set a limit.
	SetLimitMethod Method `yaml:"set_limit_method" default:"POST"`
}

// Listen holds the addresses that headroom serves, each as host:port. No host
// means all interfaces; port 0 takes a free port.
type Listen struct {
	// Webhooks receives eDRV's webhooks.
	Webhooks string `yaml:"webhooks" default:"0.0.0.0:8080" format:"hostport" reload:"no"`
	// Admin serves the page, the API, metrics and health.
	Admin string `yaml:"admin" default:"127.0.0.1:9090" format:"hostport" reload:"no"`
	// AdminToken must accompany every write when it is set. It is required,
	// with at least 32 bytes, when Admin is not a loopback address.
	AdminToken Secret `yaml:"admin_token"`
}

// Control holds the times by which every site is steered. Each may be as short
// as 10ms, for tests and simulations.
type Control struct {
	// Mode enforce sends orders; observe decides and logs them only.
	Mode Mode `yaml:"mode" default:"enforce"`
	// Tick is the longest time between two passes; events cause passes too.
	Tick time.Duration `yaml:"tick" default:"5s" min:"10ms" max:"1h"`
	// Resync is how often sessions and connectors are read over REST.
	Resync time.Duration `yaml:"resync" default:"60s" min:"10ms" max:"168h"`
	// ReportStale is the age from which a session's reading counts as unknown.
	ReportStale time.Duration `yaml:"report_stale" default:"90s" min:"10ms" max:"168h"`
	// VerdictTimeout is how long an order waits for its verdict before it
	// counts as unanswered: it may or may not have happened.
	VerdictTimeout time.Duration `yaml:"verdict_timeout" default:"120s" min:"10ms" max:"168h"`
	// Settle is the time from an accepted cut until its power is free: the
	// car's ramp.
	Settle time.Duration `yaml:"settle" default:"5s" min:"10ms" max:"168h"`
	// RaiseEvery is the shortest time between two raises of one connector.
	RaiseEvery time.Duration `yaml:"raise_every" default:"30s" min:"10ms" max:"168h"`
	// DisengageAfter is how long a site must be clear of congestion before
	// every session is raised to its maximum and left alone.
	DisengageAfter time.Duration `yaml:"disengage_after" default:"60s" min:"10ms" max:"168h"`
	// Rotate is the length of a waiting slot when not everybody can charge.
	Rotate time.Duration `yaml:"rotate" default:"15m" min:"10ms" max:"168h"`
	// ResumeAfter is how long a paused session stays paused at least.
	ResumeAfter time.Duration `yaml:"resume_after" default:"10m" min:"10ms" max:"168h"`
	// Reassert is how often an unchanged limit is sent again.
	Reassert time.Duration `yaml:"reassert" default:"5m" min:"10ms" max:"168h"`
	// RecoverAfter is the clean time, with a full resync in it, before hold or
	// floor is left.
	RecoverAfter time.Duration `yaml:"recover_after" default:"120s" min:"10ms" max:"168h"`
}

// Fleet is this machine's place among those that share the sites over NATS
// JetStream. Either the fleet has the sites, or every one of them reads a file with
// the same sites.
type Fleet struct {
	// NATS are the servers, with tls; nats without it is for loopback addresses,
	// and a warning elsewhere. One that answers tells of the others.
	NATS []string `yaml:"nats" format:"url" reload:"no"`
	// Creds is the credentials file that the servers know this machine by, as
	// ${file:PATH} or with all of its lines in ${NAME}.
	Creds Secret `yaml:"creds" reload:"no"`
	// Node is the name of this machine, which no other one has. Without it, its
	// host name.
	Node string `yaml:"node" format:"id" reload:"no"`
	// Role gateway takes webhooks, controller steers sites, all does both.
	Role Role `yaml:"role" default:"all" reload:"no"`

	// HasSites tells that control and sites are those of the fleet: the file has none.
	HasSites bool `yaml:"-"`
}

// IsSet reports whether the file has a fleet.
func (f *Fleet) IsSet() bool { return len(f.NATS) > 0 }
