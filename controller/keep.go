package controller

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/headroom-ev/headroom/controller/config"
	"github.com/headroom-ev/headroom/controller/core"
	"github.com/headroom-ev/headroom/controller/journal"
)

// The names of values in the journal. Names from the configuration and from
// eDRV are escaped, so that they cannot hold a slash.
const (
	keptConnectors = "connector/" // site/connector: core.Record
	keptLimits     = "limits/"    // site: []core.LimitRecord
	keptPeaks      = "peaks/"     // site: []core.PeakRecord
	keptBudgets    = "budgets/"   // site: []core.BudgetRecord
	keptWebhooks   = "webhook/"   // place: number and id
	keptSettings   = "settings"   // hash of the configuration
)

func connectorName(site, connector string) string {
	return keptConnectors + url.PathEscape(site) + "/" + url.PathEscape(connector)
}

func limitsName(site string) string { return keptLimits + url.PathEscape(site) }

func budgetsName(site string) string { return keptBudgets + url.PathEscape(site) }

func peaksName(site string) string { return keptPeaks + url.PathEscape(site) }

// valuesOf are the values that a save asks for.
func valuesOf(site string, save core.Save) map[string][]byte {
	values := make(map[string][]byte, len(save.Records)+1)
	for i := range save.Records {
		values[connectorName(site, save.Records[i].Connector)] = text(&save.Records[i])
	}
	if save.LimitsChanged {
		values[limitsName(site)] = text(save.Limits)
	}
	if len(save.Peaks) > 0 {
		values[peaksName(site)] = text(save.Peaks)
	}
	if len(save.Budgets) > 0 {
		values[budgetsName(site)] = text(save.Budgets)
	}
	return values
}

// kept is where savedOf reads: the journal, or the term of a site in a fleet.
type kept interface {
	Values(prefix string) (values map[string][]byte, at time.Time)
}

// savedOf is what an earlier life kept of a site. What cannot be read is as if
// it had not been kept; the notes say so.
func savedOf(k kept, site string) (saved core.Saved, notes []string) {
	values, at := k.Values(keptConnectors + url.PathEscape(site) + "/")
	saved.At = at
	for _, name := range slices.Sorted(maps.Keys(values)) {
		var r core.Record
		if err := json.Unmarshal(values[name], &r); err != nil {
			notes = append(notes, fmt.Sprintf("what was kept of connector %s cannot be read: %v", name, err))
			continue
		}
		saved.Records = append(saved.Records, r)
	}
	limits, _ := k.Values(limitsName(site))
	if kept := limits[""]; kept != nil {
		if err := json.Unmarshal(kept, &saved.Limits); err != nil {
			saved.Limits = nil
			notes = append(notes, fmt.Sprintf("the external limits that were kept cannot be read: %v: set them again", err))
		}
	}
	peaks, _ := k.Values(peaksName(site))
	if kept := peaks[""]; kept != nil {
		if err := json.Unmarshal(kept, &saved.Peaks); err != nil {
			saved.Peaks = nil
			notes = append(notes, fmt.Sprintf("the peaks of this month that were kept cannot be read: %v", err))
		}
	}
	budgets, _ := k.Values(budgetsName(site))
	if kept := budgets[""]; kept != nil {
		if err := json.Unmarshal(kept, &saved.Budgets); err != nil {
			saved.Budgets = nil
			notes = append(notes, fmt.Sprintf("the overload budgets that were kept cannot be read: %v: half of each counts as used", err))
		}
	}
	return saved, notes
}

// forgetUnknown removes what was kept of connectors that are not configured any
// more: were one configured again, what is kept of it would be out of date.
func (c *Controller) forgetUnknown(cfg *config.Config) {
	values, _ := c.journal.Values("")
	gone := map[string][]byte{}
	for name := range values {
		if strings.HasPrefix(name, keptConnectors) || strings.HasPrefix(name, keptLimits) || strings.HasPrefix(name, keptPeaks) || strings.HasPrefix(name, keptBudgets) {
			gone[name] = nil
		}
	}
	for i := range cfg.Sites {
		site := &cfg.Sites[i]
		delete(gone, limitsName(site.ID))
		delete(gone, peaksName(site.ID))
		delete(gone, budgetsName(site.ID))
		for k := range site.Connectors {
			delete(gone, connectorName(site.ID, site.Connectors[k].ID))
		}
	}
	if len(gone) > 0 {
		c.journal.Save(journal.Batch{Values: gone})
	}
}

// Forget removes durably what was kept of a connector, and records why: somebody
// else is about to order its charger. The daemon that starts next knows nothing
// of it then, and books it at its maximum until it is sure.
func Forget(ctx context.Context, j *journal.Journal, site, connector, why string) error {
	done := make(chan error, 1)
	j.Save(journal.Batch{
		Values:  map[string][]byte{connectorName(site, connector): nil},
		Entries: []journal.Entry{{At: time.Now(), Site: site, Kind: kindCommission, Connector: connector, Text: why}},
		Done:    func(err error) { done <- err },
	})
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case err := <-done:
		return err
	}
}

// recordStart records that the program started, and with which settings.
func (c *Controller) recordStart(cfg *config.Config) {
	now := time.Now()
	b := journal.Batch{Entries: []journal.Entry{{At: now, Kind: journal.KindJournal, Text: "headroom " + c.version + " started"}}}
	kept, _ := c.journal.Values(keptSettings)
	if before := string(kept[""]); before != cfg.SHA256 {
		b.Values = map[string][]byte{keptSettings: []byte(cfg.SHA256)}
		b.Entries = append(b.Entries, journal.Entry{
			At: now, Kind: "settings", By: "configuration file", Text: "the configuration changed, or is new",
			Data: text(map[string]any{"sha256": cfg.SHA256, "before": before}),
		})
	}
	c.journal.Save(b)
}

// text is the JSON of a value of our own types, which always has one.
func text(v any) json.RawMessage {
	out, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("a value that cannot be kept: %v", err))
	}
	return out
}

// keptIDs keeps the ids of the newest webhooks in the journal, so that one that
// is delivered again after a restart has no effect either.
type keptIDs struct {
	journal *journal.Journal

	mu   sync.Mutex
	next uint64 // number of the next id; its place is the remainder by maxKeptIDs
}

// maxKeptIDs is some hours' worth of webhooks of 100 connectors.
const maxKeptIDs = 20_000

func (k *keptIDs) keep(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	name := fmt.Sprintf("%s%05d", keptWebhooks, k.next%maxKeptIDs)
	k.journal.Save(journal.Batch{Values: map[string][]byte{name: append(binary.BigEndian.AppendUint64(nil, k.next), id...)}})
	k.next++
}

// restore lets ids remember what was kept, oldest first.
func (k *keptIDs) restore(ids *seen) {
	kept, _ := k.journal.Values(keptWebhooks)
	byNumber := map[uint64]string{}
	for _, value := range kept {
		if len(value) > 8 {
			byNumber[binary.BigEndian.Uint64(value)] = string(value[8:])
		}
	}
	for _, number := range slices.Sorted(maps.Keys(byNumber)) {
		ids.add(byNumber[number])
		k.next = number + 1
	}
}
