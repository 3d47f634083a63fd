package controller

import (
	"fmt"
	"log/slog"
	"time"
)

// maxSkew is how far this machine's clock may be from eDRV's before somebody is
// told: a tenth of what webhooks may be off, so that there is time to mend it.
const maxSkew = 30 * time.Second

// clockWatch compares this machine's clock with eDRV's, by the times in its
// answers. A wrong clock never widens what is accepted: webhooks that seem too
// old are refused, and the lists go on telling what they would have told.
type clockWatch struct {
	metric func(skew time.Duration)
	log    *slog.Logger
	said   sampled
}

// compare takes the time that eDRV put in an answer, to the second, and the
// local time at its receipt.
func (c *clockWatch) compare(server, local time.Time) {
	skew := local.Sub(server)
	c.metric(skew)
	if skew.Abs() <= maxSkew || !c.said.now(local.Truncate(time.Minute)) { // once a minute
		return
	}
	side := "ahead of"
	if skew < 0 {
		side = "behind"
	}
	c.log.Warn(fmt.Sprintf("this machine's clock is %s %s eDRV's: webhooks will be refused; set the clock", skew.Abs().Round(time.Second), side))
}
