"""What `segue --help` prints. Generated: make docs."""

TEXT = """\
Usage: segue [OPTIONS] [COMMAND] [ARGS]...

  Keep the work of AI agents from being lost.

  Without a command: where you were in this workspace. Enter goes on from
  there.

Options:
  --json       Answer in JSON, on standard output alone.
  --store URL  Use this store (log:///directory, memory://, or a path).
  --version    Show the version and exit.
  -h, --help   Show this message and exit.

Work:
  start       begin a session
  status      where a session is: its state, what is open, what it used
  restore     print the context to go on with, within a token budget
  budget      how full the context is and of what, what was used and what it
              cost
  pause       stop for now, and say what is next
  resume      go on with a session, here or in another agent
  end         close a session
  checkpoint  name a position to come back to, or list them
  forget      let checkpoints go that no rule keeps
  fork        begin a session that shares another's past

Look:
  list     sessions, latest activity first
  delta    what changed while a session was away
  show     a session's state as a document, or one event of it
  log      a session's events
  search   find what was said and done
  watch    follow a session live
  predict  what will likely be needed next: files, notes, and why
  note     notes of the library: find, show, make, change, link, check

Take in:
  statusline          print an agent's status line, and take its figures in
  init                capture coding agents as they work: hooks and slash
                      commands
  follow              take in what every agent writes, as it is written
  import              bring coding agents' transcripts in; with --follow as
                      they are written
  why                 why a file is not in the log, or how it is
  moved               tell that a project is in another directory now
  restore-transcript  put a transcript that its agent deleted back in its
                      place
  append              add events, each acknowledged once it is on disk

Care:
  scan           tell where secrets stand in files or sessions, without
                 showing them
  validate       check every byte, and name what is damaged
  recover        put the store together from all copies there are
  reconstruct    make sessions of whatever is left of them, files of any
                 origin
  repair         set aside what is damaged, keep all that is intact
  backup         take a verified copy of the store, or list them
  restore-store  make the store anew from a backup
  erase          take contents away for good, everywhere, with a proof
  encrypt        put the store under a key
  decrypt        write an encrypted store in the clear
  key            the key of an encrypted store: show, rotate
  mcp            what agents' MCP servers cost; switch them off and on; be one
  doctor         check this machine: locks, disk, permissions, agents
  config         settings, and where each comes from
  completion     print what makes a shell complete segue's words

  A session is given as an id or the beginning of one, a name (SESSION-...), a
  slug, an agent's own id, `last`, `current` (that of this workspace) or
  `paused` (the one paused here last). Every command takes --json and --store
  URL.
"""
