// Package fault holds tests alone: they find out what phlb does when one system
// call fails, or is the last one that the process makes.
//
//	go test ./engine/fault                                # one point of each kin, a minute
//	go test ./engine/fault -timeout 9h -args -long        # every point and error, hours
//	go test ./engine/fault -args -scenario heal           # one scenario
//	go test ./engine/fault -args -dir /mnt/xfs            # on another file system
//	go test ./engine/fault -v -args -list                 # name the faults alone
//
// A scenario is one command on a small root that was prepared for it. The tests
// build phlb, run the command under ptrace(2) with nothing that goes wrong, note
// its calls, and then run it again on a copy of that root for every fault: a
// point, and what goes wrong there. A finding names both, and the command that
// plays it again alone; -keep leaves the root to look at.
//
// # Points
//
// Only calls count that are about the root, the source, the folder that is
// restored to, or what HOME and TMPDIR name. A filter of seccomp(2) lets the
// process stop at calls on files and at no others, so that the scheduler of the
// Go runtime is not slowed down; the tracer makes the process install it before
// its first instruction.
//
// Threads run in another order each time, and a number of its own would be of
// another call in the next run. So a point is known by the name of the call, the
// paths it is about, those of descriptors included, and how many such calls were
// before it. In paths, snapshots that were there before are called A, B and C
// from the oldest, a new one NEW, and N stands for what is random. A few points
// are not reached again, since which path of an inode is read first is chance;
// the run is checked all the same, and their number is told.
//
// A class is the name of a call and the kinds of its paths, where all regular
// files of a source are alike but for having attributes, and all its folders. Kin are
// the points of one class in all scenarios of a verb, and of a class that changes
// nothing, in all scenarios: what every command reads is read by the same code. The
// short form takes one point of each kin, and kills only before calls that change
// something: a kill before any other leaves what the kill before the next of these
// leaves. No form has the closing of a file fail that was opened to be read.
//
// # Checks
//
// After the command: it has ended in time, with an exit code and a message as
// README says; where it says that all is done, all is as where nothing went
// wrong, or it has warned of what is not; every sealed snapshot is what it was,
// to the times of its folders, and so is the source; the catalog opens and knows
// what there is; damage that was noted is noted. Then the command is run again,
// and a backup, and both must end well, the backup be like the source and
// verify, and nothing be left behind that is not there otherwise.
//
// # What it does not do
//
// One call fails at a time, and it fails without having done anything, but for
// close. Power losses need other means, since no write is lost here. It needs
// Linux on amd64.
package fault
