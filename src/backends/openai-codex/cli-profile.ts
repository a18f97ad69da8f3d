/**
 * The Codex CLI release this gateway speaks like, as captured from codex-cli 0.169.0 (upstream.md §1). A new release is
 * a change of this file and of the built-in model table, nothing else.
 */
export const CLI_PROFILE = {
  version: '0.169.0',
  originator: 'codex_exec',
  /** `{originator}/{version} ({OS} {version}; {arch}) {terminal} ({client}; {version})`, with fixed machine words: ours are nobody's business. */
  userAgent: (version: string) => `codex_exec/${version} (Debian 12.0.0; x86_64) xterm (codex_exec; ${version})`,
  /** `codex login` and `codex logout` speak as the CLI itself (upstream.md §1.1, capture [49]). */
  loginOriginator: 'codex_cli_rs',
  loginUserAgent: (version: string) => `codex_cli_rs/${version} (Debian 12.0.0; x86_64) xterm`,
  betaFeatures: 'remote_compaction_v2',
  /** Wire order; a request sends those of them that apply. */
  headerOrder: [
    'version',
    'x-codex-beta-features',
    'x-codex-turn-state',
    'x-codex-window-id',
    'x-codex-turn-metadata',
    'x-codex-parent-thread-id',
    'x-openai-subagent',
    'x-openai-internal-codex-responses-lite',
    'x-codex-routing-hint',
    'x-client-request-id',
    'session-id',
    'thread-id',
    'accept',
    'content-encoding',
    'content-type',
    'x-openai-account-routing-override',
    'authorization',
    'chatgpt-account-id',
    'x-openai-fedramp',
    'originator',
    'user-agent',
    'cookie',
  ],
  /** Of the WebSocket upgrade, behind the ones every upgrade begins with (upstream.md §2), without a cookie. */
  upgradeHeaderOrder: [
    'chatgpt-account-id',
    'authorization',
    'x-openai-fedramp',
    'user-agent',
    'originator',
    'openai-beta',
    'version',
    'x-codex-beta-features',
    'x-codex-parent-thread-id',
    'x-openai-subagent',
    'x-client-request-id',
    'session-id',
    'thread-id',
    'x-codex-window-id',
    'x-codex-turn-metadata',
    'x-codex-routing-hint',
    'x-openai-account-routing-override',
  ],
  webSocketBeta: 'responses_websockets=2026-02-06',
  /** The order where cookies are sent (captures 23, 26). */
  upgradeHeaderOrderWithCookie: [
    'cookie',
    'chatgpt-account-id',
    'authorization',
    'x-openai-fedramp',
    'user-agent',
    'originator',
    'version',
    'x-codex-beta-features',
    'x-codex-parent-thread-id',
    'x-openai-subagent',
    'x-client-request-id',
    'session-id',
    'thread-id',
    'x-codex-window-id',
    'x-codex-turn-metadata',
    'x-codex-routing-hint',
    'x-openai-account-routing-override',
    'openai-beta',
  ],
  /** `turn_trigger` of the turn metadata, as the program named by `originator` states it (upstream.md §1.3). */
  turnTrigger: 'exec',
  /** Body keys in wire order (captures 07, 11); `instructions` is ours (upstream.md §10.1). */
  bodyOrder: [
    'model',
    'instructions',
    'stream',
    'service_tier',
    'input',
    'tools',
    'tool_choice',
    'parallel_tool_calls',
    'reasoning',
    'store',
    'include',
    'prompt_cache_key',
    'text',
    'client_metadata',
    'access_programs',
  ],
} as const

/** Who the gateway says it is (connector.md §12.2). */
export interface ClientIdentity {
  readonly originator: string
  readonly userAgent: string
  /** The CLI version stated in `version` and `client_version`. */
  readonly clientVersion: string
}

export function toClientIdentity(
  identity: 'codex_cli' | 'codexway',
  clientVersion: string,
  gatewayVersion: string,
): ClientIdentity {
  if (identity === 'codexway') {
    return { originator: 'codexway', userAgent: `codexway/${gatewayVersion}`, clientVersion }
  }
  return { originator: CLI_PROFILE.originator, userAgent: CLI_PROFILE.userAgent(clientVersion), clientVersion }
}

/** `auto`: the higher of the built-in version and the one the CLI's own cache names (connector.md §2.1). */
export function effectiveClientVersion(configured: string, fromCliCache: string | undefined): string {
  if (configured !== 'auto') return configured
  if (fromCliCache === undefined || !/^\d+\.\d+\.\d+$/.test(fromCliCache)) return CLI_PROFILE.version
  return compareVersions(fromCliCache, CLI_PROFILE.version) > 0 ? fromCliCache : CLI_PROFILE.version
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)]
  for (const [index, part] of left.entries()) {
    const difference = part - (right[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
