package commission

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/headroom-ev/headroom/controller"
	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/journal"
	"github.com/headroom-ev/headroom/edrvapi"
	"github.com/headroom-ev/headroom/policy"
)

// Options are what a run is told.
type Options struct {
	Config    *config.Config // read for a run
	Connector string         // id or name; empty: the only one with a car
	// Agree is asked before anything is ordered, with what is going to happen.
	Agree func(plan string) bool
	// Say is told what is being done.
	Say func(format string, args ...any)

	Transport http.RoundTripper                                   // replaces the connection to eDRV, for tests
	Listen    func(network, address string) (net.Listener, error) // replaces net.Listen, for tests
}

// ErrDeclined says that Agree did not agree.
var ErrDeclined = errors.New("nothing was ordered")

// Run measures one charger. The report holds what was measured also where there
// is an error; it is nil where nothing was ordered.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Listen == nil {
		o.Listen = net.Listen
	}
	kept, err := journal.Open(journal.Options{Dir: o.Config.DataDir})
	if err != nil {
		return nil, err
	}
	saving, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { kept.Run(saving) })
	defer running.Wait()
	defer stop()
	admin, err := o.Listen("tcp", o.Config.Listen.Admin)
	if err != nil {
		return nil, busy("admin", err)
	}
	defer admin.Close()
	listener, err := o.Listen("tcp", o.Config.Listen.Webhooks)
	if err != nil {
		return nil, busy("webhooks", err)
	}
	verifier, err := controller.NewVerifier(&o.Config.EDRV)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	client, err := edrvapi.New(controller.ClientOptions(&o.Config.EDRV, o.Transport))
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	defer client.Close()
	h := serve(listener, verifier)
	report, err := run(ctx, &o, client, h, kept)
	return report, errors.Join(err, h.close())
}

func busy(what string, err error) error {
	return fmt.Errorf("listen.%s: %w: a daemon that steers this site must be stopped while a charger is commissioned", what, err)
}

func run(ctx context.Context, o *Options, client *edrvapi.Client, h *hooks, kept *journal.Journal) (*Report, error) {
	sessions, err := client.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	site, i, session, err := choose(o.Config, o.Connector, sessions.Items)
	if err != nil {
		return nil, err
	}
	if err := steeredByEDRV(ctx, client, &site.Connectors[i]); err != nil {
		return nil, err
	}
	settings, err := controller.SiteSettings(site, &o.Config.Control)
	if err != nil {
		return nil, err
	}
	room, err := newRoom(&settings, i, time.Now())
	if err != nil {
		return nil, err
	}
	for _, s := range sessions.Items {
		room.sessions[s.Connector] = s.ID
	}
	c := &charger{
		client: client, hooks: h, kept: kept, timing: settings.Timing, set: &settings.Connectors[i], session: session.ID, room: room, say: o.Say,
		verdicts: map[string]verdict{}, ours: map[string]bool{}, others: map[string]time.Time{},
	}
	r := &Report{
		Site: site.ID, Connector: c.set.ID, Name: c.set.Name, Session: session.ID, Began: time.Now(), DefaultLimit: Unknown,
		settle: cmp.Or(c.set.Settle, settings.Timing.Settle), kind: c.set.Kind,
	}
	return r, c.commission(ctx, o, r)
}

// choose is the connector to test and its session.
func choose(cfg *config.Config, want string, sessions []edrvapi.Session) (*config.Site, int, *edrvapi.Session, error) {
	var found []string
	var site *config.Site
	var at int
	var with *edrvapi.Session
	for i := range cfg.Sites {
		for k := range cfg.Sites[i].Connectors {
			c := &cfg.Sites[i].Connectors[k]
			n := slices.IndexFunc(sessions, func(s edrvapi.Session) bool {
				return s.Connector == c.ID && s.Status == edrvapi.SessionStarted
			})
			if want == c.ID || want == c.Name {
				if n < 0 {
					return nil, 0, nil, fmt.Errorf("no car charges at %s: plug one in and start it", want)
				}
				return &cfg.Sites[i], k, &sessions[n], nil
			}
			if n >= 0 {
				found = append(found, c.Name)
				site, at, with = &cfg.Sites[i], k, &sessions[n]
			}
		}
	}
	switch {
	case want != "":
		return nil, 0, nil, fmt.Errorf("the configuration has no connector with the id or name %q", want)
	case len(found) == 0:
		return nil, 0, nil, errors.New("no car charges at any connector of the configuration: plug one in and start it")
	case len(found) > 1:
		return nil, 0, nil, fmt.Errorf("cars charge at %s: choose one with --connector", strings.Join(found, ", "))
	}
	return site, at, with, nil
}

// steeredByEDRV refuses a connector that eDRV's own load management steers.
func steeredByEDRV(ctx context.Context, client *edrvapi.Client, c *config.Connector) error {
	groups, err := client.Groups(ctx)
	if err != nil && edrvapi.OutcomeOf(err) != edrvapi.OutcomeRefused { // a key may not see groups
		return err
	}
	for _, g := range groups.Items {
		if slices.Contains(g.Connectors, c.ID) || slices.Contains(g.Stations, c.Station) {
			return fmt.Errorf("eDRV's load-management group %s steers %s: take it out of the group first", cmp.Or(g.Name, g.ID), c.Name)
		}
	}
	return nil
}

// commission measures, and restores the limit that it found.
func (c *charger) commission(ctx context.Context, o *Options, r *Report) error {
	c.say("waiting for a report of the car")
	ok, err := c.wait(ctx, c.patience(), func() bool { return len(c.readings) > 0 })
	switch {
	case err != nil:
		return err
	case !ok:
		return fmt.Errorf("no report of session %s within %s: its power is not known", c.session, c.patience())
	case c.last().power <= nothing:
		return errors.New("the car draws nothing: commissioning needs one that charges and is not nearly full")
	}
	c.say("asking the charger what it allows")
	before, known, err := c.allows(ctx, c.set.ID)
	if err != nil {
		return err
	}
	if r.Before = "unknown"; known {
		r.Before = before.String()
	}
	if !c.heard && !known {
		return c.deaf()
	}
	if err := c.askNeighbours(ctx, r); err != nil {
		return err
	}
	levels := c.levels()
	r.Most = c.text(levels.most)
	if !o.Agree(c.plan(levels)) {
		return ErrDeclined
	}
	// What the daemon kept of this connector will not be true any more.
	why := "commissioning begins: session " + c.session + " was allowed " + r.Before
	if err := controller.Forget(ctx, c.kept, r.Site, c.set.ID, why); err != nil {
		return fmt.Errorf("data directory %s: what the daemon knows of %s could not be removed: %w", o.Config.DataDir, c.set.ID, err)
	}
	r.ordered = true
	drawn := c.last().power
	err = c.measure(ctx, r, levels)
	r.conclude()
	return errors.Join(err, c.restore(ctx, r, before, known, drawn))
}

// deaf says why verdicts cannot be had.
func (c *charger) deaf() error {
	select {
	case <-c.hooks.refused:
		return errors.New("webhooks come, but none is signed with edrv.webhook_secrets: no verdict can be had")
	default:
		return errors.New("no webhook came, and without them no verdict can be had: is the endpoint enabled in eDRV, and does it lead to listen.webhooks of this machine?")
	}
}

// askNeighbours asks the other chargers what they allow, if it matters.
func (c *charger) askNeighbours(ctx context.Context, r *Report) error {
	if c.room.most() >= c.set.Max {
		return nil
	}
	all := c.room.neighbours()
	for n, i := range all {
		k := &c.room.set.Connectors[i]
		c.say("asking the other chargers what they allow: %d of %d", n+1, len(all))
		limit, known, err := c.allows(ctx, k.ID)
		if err != nil {
			return err
		}
		if known {
			c.room.bounded(i, levelOf(k, limit, 1), time.Now())
		} else {
			r.Finding("%s does not say what it allows: it is counted at its maximum", k.Name)
		}
		if c.room.most() >= c.set.Max {
			break
		}
	}
	return nil
}

// levels are what is ordered.
type levels struct{ min, middle, most policy.Milliamps }

// middleAC is the level between minimum and maximum: what most cars take, and
// well above any minimum.
const middleAC = 16 * policy.Ampere

func (c *charger) levels() levels {
	l := levels{min: c.set.Min, middle: min(middleAC, c.set.Max), most: c.room.most()}
	if c.set.Kind == policy.DC {
		l.middle = c.set.Wiring.LevelAbove(c.set.MaxPower / 2)
	}
	l.middle = max(l.min, min(l.middle, l.most))
	return l
}

// text is a level as it is ordered.
func (c *charger) text(level policy.Milliamps) string {
	_, limit := c.limit(level)
	return limit.String()
}

// plan says what is going to happen.
func (c *charger) plan(l levels) string {
	name := cmp.Or(c.set.Name, c.set.ID)
	steps := []string{c.text(l.min)}
	if l.middle > l.min {
		steps = append(steps, c.text(l.middle), c.text(l.min))
	}
	if c.set.CanPause {
		steps = append(steps, "0", c.text(l.min))
	}
	if l.most > l.min {
		steps = append(steps, c.text(l.most))
	}
	text := fmt.Sprintf("%s will be limited to %s, one after the other; this takes about %s.", name, strings.Join(steps, ", "),
		(time.Duration(len(steps)) * 2 * time.Minute).String())
	if c.set.InstallFallback {
		text += fmt.Sprintf(" Its default limit will be %s, as the configuration has it.", c.text(c.set.Fallback))
	}
	if l.most < c.set.Max {
		text += fmt.Sprintf(" The circuits permit no more than %s of its %s now.", c.text(l.most), c.text(c.set.Max))
	}
	return text + " Nobody else may steer it meanwhile: no headroom on another machine, no load management of eDRV."
}

// measure goes through the steps.
func (c *charger) measure(ctx context.Context, r *Report, l levels) error {
	if c.set.InstallFallback {
		if err := c.fallback(ctx, r); err != nil {
			return err
		}
	}
	if err := c.firstStep(ctx, r); err != nil {
		return err
	}
	ok, _, err := c.permitted(ctx, l.most)
	if err != nil {
		return err
	}
	if !ok { // its own default limit is not in force
		l.most = c.room.under(l.most, time.Now())
		l.middle = max(l.min, min(l.middle, l.most))
	}
	beneath := !c.set.InstallFallback || r.Installed
	if l.middle > l.min {
		if err := c.higher(ctx, r, "middle", l.middle, beneath); err != nil {
			return err
		}
		if _, err := c.step(ctx, r, "minimum again", l.min); err != nil {
			return err
		}
	}
	if c.set.CanPause {
		if err := c.pause(ctx, r); err != nil {
			return err
		}
	}
	if l.most <= l.min {
		r.Finding("the circuits permit no more than %s now: higher limits were not tried", c.text(l.min))
		return nil
	}
	return c.higher(ctx, r, "maximum", l.most, beneath)
}

// fallback installs the default limit as the daemon would.
func (c *charger) fallback(ctx context.Context, r *Report) error {
	for range 2 {
		_, limit := c.limit(c.set.Fallback)
		if c.watts { // the next car may use one phase
			limit = edrvapi.InWatts(edrvapi.Milliwatts(int64(c.set.Fallback) * c.set.Wiring.Volts)).Rounded()
		}
		c.say("default limit: installing %s", limit)
		a, err := c.install(ctx, limit)
		if err != nil {
			return err
		}
		if r.Installed = a.accepted; r.Installed || !a.answered || c.set.Kind == policy.DC {
			break
		}
		r.Rejects = append(r.Rejects, c.unit())
		c.watts = !c.watts
	}
	if r.Installed {
		c.room.ledger.FallbackInForce(c.room.tested, true)
	} else {
		r.Finding("the charger does not take a default limit: set install_fallback: false, and fallback to what it does by itself")
	}
	return nil
}

// restoreWithin is how long putting back may take, after Ctrl-C too.
const restoreWithin = time.Minute

// restore puts back what was allowed before, as far as the circuits permit it.
func (c *charger) restore(ctx context.Context, r *Report, before edrvapi.Limit, known bool, drawn policy.Milliwatts) error {
	if errors.Is(c.stopped, errEnded) {
		r.Restored = "nothing: the session is over, and its limit with it"
		return nil
	}
	level := c.set.Wiring.LevelAbove(drawn)
	if c.phases > 0 {
		level = policy.Milliamps(int64(drawn) / (c.set.Wiring.Volts * int64(c.phases)))
	}
	if known {
		level = levelOf(c.set, before, c.phases)
	}
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), restoreWithin, errors.New("no verdict came"))
	defer cancel()
	c.stopped, c.leaving = nil, true
	level = min(max(level, c.set.Min), c.set.Max)
	if ok, _, _ := c.permitted(ctx, level); !ok { // an error is a no
		level = c.room.under(level, time.Now())
	}
	c.say("putting back %s", c.text(level))
	a, err := c.order(ctx, level)
	if err == nil && a.answered && !a.accepted { // some chargers reject now and then
		a, err = c.order(ctx, level)
	}
	r.Restored = a.limit.String()
	if err == nil && !a.accepted {
		err = errors.New("the charger did not accept it")
	}
	if err != nil {
		return fmt.Errorf("the limit of before, %s, could not be put back: %w; the charger keeps its last limit until the session ends", c.text(level), err)
	}
	return nil
}
