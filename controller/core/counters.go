package core

// Direction tells orders apart.
type Direction uint8

const (
	Lower Direction = iota
	Raise
)

// Result is what became of an order.
type Result uint8

const (
	resultSent       Result = iota // eDRV took it, or may have
	resultAccepted                 // the charger confirmed it
	resultRejected                 // the charger rejected it
	resultUnanswered               // no verdict in time
	resultFailed                   // it did not go out
)

var (
	directionNames = [...]string{"lower", "raise"}
	resultNames    = [...]string{"sent", "accepted", "rejected", "unanswered", "failed"}
)

// Directions and Results are the closed lists of the labels of Counters.
func Directions() []string { return directionNames[:] }

// Results lists the results of orders.
func Results() []string { return resultNames[:] }

// Counters count since the site was built.
type Counters struct {
	Orders  [len(directionNames)][len(resultNames)]uint64
	Foreign uint64 // orders that somebody else sent
}

// order counts a result of an order. Fallbacks are no orders.
func (c *Counters) order(o *order, r Result) {
	if o.install {
		return
	}
	d := Raise
	if o.lower {
		d = Lower
	}
	c.Orders[d][r]++
}

// Sent is how many orders of a direction went out.
func (c *Counters) Sent(d Direction) uint64 { return c.Orders[d][resultSent] }

// Accepted is how many orders were confirmed.
func (c *Counters) Accepted() uint64 { return c.of(resultAccepted) }

// Rejected is how many orders were rejected.
func (c *Counters) Rejected() uint64 { return c.of(resultRejected) }

// Unanswered is how many orders got no verdict in time.
func (c *Counters) Unanswered() uint64 { return c.of(resultUnanswered) }

func (c *Counters) of(r Result) uint64 { return c.Orders[Lower][r] + c.Orders[Raise][r] }
