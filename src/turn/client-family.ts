/** What is known of the program that called us; detected, never a reason to rewrite anything (connector.md §15). */
export type ClientFamily =
  | 'codex-cli'
  | 'opencode'
  | 'droid'
  | 'kilocode'
  | 'roo'
  | 'cline'
  | 'pi'
  | 'letta'
  | 'claude-code'

const TOKENS: readonly (readonly [ClientFamily, readonly string[]])[] = [
  ['codex-cli', ['codex_cli_rs', 'codex_exec', 'codex-tui', 'codex_vscode']],
  ['opencode', ['opencode']],
  ['droid', ['factory-cli', 'factorydroid', 'droid']],
  ['kilocode', ['kilo-code', 'kilocode']],
  ['roo', ['roo-code', 'roocode']],
  ['cline', ['cline']],
  ['pi', ['pi-coding-agent']],
  ['letta', ['letta-code']],
  ['claude-code', ['claude-cli', 'claude-code']],
]

/** Whole User-Agent words, without case; the Codex CLI also by its `originator` header. */
export function detectFamily(userAgent: string, originator: string): ClientFamily | undefined {
  const words = new Set(userAgent.toLowerCase().split(/[^a-z0-9_-]+/))
  const origin = originator.toLowerCase()
  for (const [family, tokens] of TOKENS) {
    if (tokens.some((token) => words.has(token))) return family
    if (family === 'codex-cli' && tokens.includes(origin)) return family
  }
  return undefined
}
