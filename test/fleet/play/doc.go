// Package play runs a fleet of real processes against a simulated eDRV, kills some
// of them, and judges: that no event which was answered with 200 is lost, that no
// site passes its limit and no charger permits more than its controller says, and
// that every site is steered again in time. The truth is that of the simulator;
// nothing that headroom says is believed but what it is held to.
//
// play.go is the script, processes.go starts and kills, scene.go makes sites and
// configurations, eyes.go watches and judges.
package play
