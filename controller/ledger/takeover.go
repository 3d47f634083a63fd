package ledger

import "slices"

// Return forgets what is known of the limit of the session at connector i, which
// somebody else may have set meanwhile. The bound does not fall by it.
func (l *Ledger) Return(i int) {
	was := l.Bound(i)
	l.change(i, func(e *entry) { e.known, e.drawn, e.kept = false, 0, was })
}

// TakeOver continues at connector i what another ledger knows of its connector
// from: the same one before its settings changed. The bound does not fall by
// it. What the connector may have been told counts until its charger confirms
// something else, and so does the fallback that is in its charger; only where
// the new one is known to be there already does it count at once.
func (l *Ledger) TakeOver(i int, before *Ledger, from int, there bool) {
	old, was := &before.entries[from], before.Bound(from)
	installed := there
	l.change(i, func(e *entry) {
		fallback := max(old.fallback, l.connectors[i].Fallback)
		switch {
		case installed:
			fallback = l.connectors[i].Fallback
		case old.inForce && before.connectors[from].Fallback == l.connectors[i].Fallback:
			installed = true
		case !old.inForce:
			fallback = max(old.fallback, l.connectors[i].Max)
		}
		*e = *old
		e.orders, e.settling = slices.Clone(old.orders), slices.Clone(old.settling)
		e.fallback, e.inForce = fallback, installed
		if top := l.connectors[i].Max; e.session && e.bound(top) < was {
			e.kept = was
		}
	})
}
