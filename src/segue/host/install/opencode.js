// written by segue init; taken out by: segue init --remove
// Tells segue what happens here: each event is given to the hook that segue put beside its store, in a process of its own that
// nobody waits for. Where the hook is gone, nothing is done.
import { spawn } from "node:child_process"
import { existsSync, readdirSync, statSync } from "node:fs"
import { homedir } from "node:os"
import { isAbsolute, join } from "node:path"

const HOOK = "@HOOK@"
const PYTHON = "@PYTHON@"
const EVENTS = ["session.created", "session.idle", "session.compacted", "session.error", "session.deleted"]

function database() {
  const base = process.env.XDG_DATA_HOME?.startsWith("/") ? process.env.XDG_DATA_HOME : join(homedir(), ".local", "share")
  const home = join(base, "opencode")
  const named = process.env.OPENCODE_DB
  if (named && named !== ":memory:") return isAbsolute(named) ? named : join(home, named)
  const age = (name) => statSync(join(home, name)).mtimeMs
  const found = readdirSync(home).filter((name) => /^opencode.*\.db$/.test(name))
  return join(home, found.sort((a, b) => age(b) - age(a))[0] ?? "opencode.db")
}

function tell(event, session, directory, more) {
  try {
    if (!session || !existsSync(HOOK) || !existsSync(PYTHON)) return
    const payload = { session_id: session, transcript_path: `${database()}#${session}`, cwd: directory, hook_event_name: event, ...more }
    const hook = spawn(PYTHON, ["-S", "-E", HOOK, event], { stdio: ["pipe", "ignore", "ignore"], detached: true, cwd: "/" })
    hook.on("error", () => {})
    hook.stdin.on("error", () => {})
    hook.stdin.end(JSON.stringify(payload))
    hook.unref()
  } catch {}
}

export const Segue = async ({ directory }) => ({
  event: async ({ event }) => {
    const about = event?.properties ?? {}
    if (EVENTS.includes(event?.type)) tell(event.type, about.sessionID ?? about.info?.id, directory, {})
  },
  "chat.message": async (input, output) => {
    tell("chat.message", input?.sessionID, directory, { message_id: output?.message?.id })
  },
  "tool.execute.before": async (input, output) => {
    tell("tool.execute.before", input?.sessionID, directory, { tool: input?.tool, call_id: input?.callID, arguments: output?.args })
  },
  "tool.execute.after": async (input) => {
    tell("tool.execute.after", input?.sessionID, directory, { tool: input?.tool, call_id: input?.callID })
  },
  "experimental.session.compacting": async (input) => {
    tell("session.compacting", input?.sessionID, directory, {})
  },
})
