import type { JsonObject } from '../lib/json.ts'
import { ev } from './events.ts'
import type { ScenarioInput } from './scenario.ts'

const MINUTE_MS = 60_000
const created = { created: true } as const
const completed = { completed: true } as const
const html =
  '<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser.</body></html>'

function detail(text: unknown, status = 400): ScenarioInput {
  return { status, body: { detail: text } }
}

function error(message: string, fields: JsonObject = {}, status = 400): ScenarioInput {
  return { status, body: { error: { type: 'invalid_request_error', code: null, param: null, message, ...fields } } }
}

function usageLimit(status: number): ScenarioInput {
  const resetsInS = 3600
  const resetsAt = Math.floor(Date.now() / 1000) + resetsInS
  return {
    status,
    headers: {
      'x-codex-primary-used-percent': '100',
      'x-codex-primary-window-minutes': '300',
      'x-codex-primary-reset-at': String(resetsAt),
      'x-codex-primary-reset-after-seconds': String(resetsInS),
      'x-codex-rate-limit-reached-type': 'rate_limit_reached',
    },
    body: {
      error: {
        type: 'usage_limit_reached',
        message: 'The usage limit has been reached',
        plan_type: 'plus',
        resets_at: resetsAt,
        resets_in_seconds: resetsInS,
        eligible_promo: null,
      },
    },
  }
}

function failed(code: string, message: string): ScenarioInput {
  return { chunking: 'whole', stream: [created, { failed: { code, message } }] }
}

const CONTEXT = 'Your input exceeds the context window of this model. Please adjust your input and try again.'

/** The refusals of backend-facts.md §9, row by row. */
const REFUSALS: Record<string, () => ScenarioInput> = {
  'unsupported-parameter': () => detail('Unsupported parameter: foo'),
  'instructions-invalid': () => detail('Instructions are not valid'),
  'system-messages': () => detail('System messages are not allowed'),
  'model-not-supported': () => detail("The 'gpt-4.1' model is not supported when using Codex with a ChatGPT account."),
  'newer-version-required': () => detail("The 'gpt-5.6-sol' model requires a newer version of Codex."),
  'at-capacity': () => error('Selected model is at capacity. Please try a different model.'),
  'invalid-encrypted-content': () =>
    error('The encrypted content gAAA... could not be verified.', { code: 'invalid_encrypted_content' }),
  'no-tool-output': () => error('No tool output found for function call call_X.', { param: 'input' }),
  'no-tool-call': () => error('No tool call found for function call output with call_id call_X.', { param: 'input' }),
  'invalid-schema': () =>
    error(
      "Invalid schema for function 'f': In context=(), 'required' is required to be supplied and to be an array including every key in properties. Missing 'x'.",
      { code: 'invalid_function_parameters', param: 'tools[0].parameters' },
    ),
  'context-length-exceeded': () => error(CONTEXT, { code: 'context_length_exceeded', param: 'input' }),
  unauthorized: () => detail('Unauthorized', 401),
  'token-invalidated': () =>
    error('Your authentication token has been invalidated. Please sign in again.', { code: 'token_invalidated' }, 401),
  'token-expired': () =>
    error('Provided authentication token is expired. Please sign in again.', { code: 'token_expired' }, 401),
  'missing-scopes': () =>
    error('You have insufficient permissions for this operation. Missing scopes: model.request', {}, 401),
  'deactivated-workspace': () => detail({ code: 'deactivated_workspace' }, 402),
  'blocked-by-cdn': () => ({ status: 403, html, headers: { 'cf-mitigated': 'challenge', server: 'cloudflare' } }),
  'workspace-denied': () =>
    error('This workspace has no access to Codex.', { code: 'codex_workspace_access_denied' }, 403),
  'entitlement-missing': () => error('Codex is not part of this plan.', { code: 'codex_entitlement_missing' }, 403),
  'not-found-empty': () => ({ status: 404, body: '' }),
  'model-not-found': () => error('Model not found gpt-5.6-luna-free', {}, 404),
  'usage-limit-404': () => usageLimit(404),
  'usage-not-included': () =>
    error('Codex is not included in this plan.', { type: 'usage_not_included', code: 'usage_not_included' }, 429),
  'usage-not-included-404': () =>
    error('Codex is not included in this plan.', { type: 'usage_not_included', code: 'usage_not_included' }, 404),
  'usage-limit': () => usageLimit(429),
  'rate-limit': () => ({
    ...error(
      'Rate limit reached. Please try again in 2s.',
      { type: 'rate_limit_error', code: 'rate_limit_exceeded' },
      429,
    ),
    headers: { 'retry-after': '2' },
  }),
  'server-error': () => error('The server had an error.', { type: 'server_error', code: 'server_error' }, 500),
  'bad-gateway': () => ({ status: 502, html: '<html><body>502 Bad Gateway</body></html>' }),
  overloaded: () => error('Our servers are overloaded.', { type: 'server_error', code: 'server_is_overloaded' }, 503),
  redirect: () => ({ status: 307, headers: { location: 'https://example.invalid/' }, body: '' }),
  'json-instead-of-stream': () => ({ ...error('Something went wrong.'), status: 200 }),
}

/** Streams that end in a failure the backend names. */
const FAILURES: Record<string, () => ScenarioInput> = {
  'failed-overloaded': () => failed('server_is_overloaded', 'Our servers are currently overloaded.'),
  'failed-overloaded-error': () => failed('overloaded_error', 'Overloaded.'),
  'failed-server-error': () => failed('server_error', 'An error occurred while processing your request.'),
  'failed-rate-limit': () => failed('rate_limit_exceeded', 'Rate limit reached. Please try again in 1.2s.'),
  'failed-context-length': () => failed('context_length_exceeded', CONTEXT),
  'failed-cyber-policy': () => failed('cyber_policy', 'This request was flagged for possible cybersecurity risk.'),
  'failed-invalid-prompt': () => failed('invalid_prompt', 'Invalid prompt.'),
  'failed-quota': () => failed('insufficient_quota', 'You exceeded your current quota.'),
  'failed-unnamed': () => ({ chunking: 'whole', stream: [created, { failed: null }] }),
  'failed-mid-text': () => ({
    stream: [created, ...openText, { failed: { code: 'server_error', message: 'An error occurred.' } }],
  }),
  'error-event': () => ({
    stream: [created, { error: { code: 'server_error', message: 'An error occurred.', param: null } }],
  }),
  'error-event-nested': () => ({
    stream: [
      created,
      { error: { error: { type: 'server_error', code: 'server_error', message: 'An error occurred.' } } },
    ],
  }),
  'incomplete-length': () => ({
    stream: [created, { text: 'As far as' }, { incomplete: { reason: 'max_output_tokens' } }],
  }),
  'incomplete-filter': () => ({
    stream: [created, { text: 'As far as' }, { incomplete: { reason: 'content_filter' } }],
  }),
}

/** A message that has begun. */
const openText = [
  ev.added({ id: 'msg_open', type: 'message', status: 'in_progress', role: 'assistant', content: [] }),
  ev.text('Some text ', { itemId: 'msg_open' }),
  ev.text('that goes', { itemId: 'msg_open' }),
]

/** Faults of the transport, and streams that are odd but right (backend-facts.md §8). */
const STREAMS: Record<string, () => ScenarioInput> = {
  'cut-mid-text': () => ({ stream: [created, ...openText], end: 'cut' }),
  'ends-without-terminal': () => ({ stream: [created, ...openText] }),
  'stalls-at-once': () => ({ stream: [], end: 'stall' }),
  'stalls-after-created': () => ({ stream: [created], end: 'stall' }),
  'stalls-mid-text': () => ({ stream: [created, ...openText], end: 'stall' }),
  'never-answers': () => ({ delay_ms: 60 * MINUTE_MS, stream: [] }),
  'long-silence': () => ({ stream: [created, { pause_ms: 40_000 }, { text: 'After a long thought.' }, completed] }),
  'one-byte-chunks': () => ({ chunking: 'byte', stream: [created, { text: 'Byte by byte: é “ ” 中文.' }, completed] }),
  'carriage-returns': () => ({ newline: 'cr', stream: [{ say: 'Lines end in CR.' }] }),
  'crlf-lines': () => ({ newline: 'crlf', stream: [{ say: 'Lines end in CRLF.' }] }),
  'no-event-lines': () => ({ event_lines: false, stream: [{ say: 'Data lines only.' }] }),
  'no-created': () => ({ stream: [{ text: 'No response.created.' }, completed] }),
  'response-done': () => ({
    stream: [created, { text: 'Ends with response.done.' }, { completed: { as: 'response.done' } }],
  }),
  'empty-output': () => ({ stream: [created, { text: 'The end is empty.' }, { completed: { output: 'empty' } }] }),
  'unknown-events': () => ({
    stream: [
      { rate_limits: true },
      created,
      { event: { type: 'response.metadata', metadata: { safety_buffering: false } } },
      { comment: 'keepalive' },
      { text: 'Known and unknown.' },
      { event: { type: 'response.something_new', data: 1 } },
      completed,
    ],
  }),
  refusal: () => ({ stream: [created, { refusal: 'I cannot help with that.' }, completed] }),
  reasoning: () => ({
    stream: [
      created,
      { reasoning: { summary: ['**First thought**', '**Second thought**'], encrypted_content: 'gAAAAABsimulated' } },
      { text: 'The answer.', phase: 'final_answer' },
      completed,
    ],
  }),
  'parallel-calls': () => ({
    stream: [
      created,
      {
        parallel: [
          { name: 'get_weather', arguments: { city: 'Köln' } },
          { name: 'get_time', arguments: { zone: 'Europe/Berlin' } },
        ],
        interleave: true,
      },
      completed,
    ],
  }),
  'delta-less-call': () => ({
    stream: [created, { tool_call: { name: 'get_weather', arguments: { city: 'Köln' }, delta_less: true } }, completed],
  }),
  'web-search': () => ({
    stream: [
      created,
      { web_search_call: { query: 'simulators' } },
      {
        text: 'Found it.',
        annotations: [
          { type: 'url_citation', start_index: 0, end_index: 8, url: 'https://example.com/', title: 'Example' },
        ],
      },
      completed,
    ],
  }),
  'slow-text': () => ({ pace_ms: 100, stream: [{ say: 'These words come one by one, a tenth of a second apart.' }] }),
}

/** What befalls a WebSocket before, during and around an answer (upstream.md §2). */
const SOCKETS: Record<string, () => ScenarioInput> = {
  'upgrade-unsupported': () => ({ answers: 'upgrade', ...error('Upgrade required.', {}, 426) }),
  'upgrade-unauthorized': () => ({ answers: 'upgrade', ...detail('Unauthorized', 401) }),
  'upgrade-blocked-by-cdn': () => ({ answers: 'upgrade', ...REFUSALS['blocked-by-cdn']?.() }),
  'upgrade-not-found': () => ({ answers: 'upgrade', status: 404, body: '' }),
  'upgrade-usage-limit': () => ({ answers: 'upgrade', ...usageLimit(429) }),
  'upgrade-server-error': () => ({ answers: 'upgrade', ...REFUSALS['server-error']?.() }),
  'upgrade-overloaded': () => ({ answers: 'upgrade', ...REFUSALS.overloaded?.() }),
  'upgrade-hang': () => ({ answers: 'upgrade', end: 'stall' }),
  'upgrade-cut': () => ({ answers: 'upgrade', end: 'cut' }),
  'warm-up-fails': () => ({ answers: 'warm_up', ...REFUSALS['server-error']?.() }),
  'warm-up-stalls': () => ({ answers: 'warm_up', end: 'stall' }),
  'cut-at-once': () => ({ end: 'cut' }),
  'cut-before-output': () => ({ stream: [created], end: 'cut' }),
  'closes-before-output': () => ({ stream: [created], end: 'close_socket' }),
  'closes-mid-text': () => ({ stream: [created, ...openText], end: 'close_socket' }),
  'websocket-connection-limit': () => ({
    ...error('Responses websocket connection limit reached (60 minutes). Create a new websocket connection.', {
      code: 'websocket_connection_limit_reached',
    }),
    end: 'close_socket',
  }),
  'previous-response-not-found': () =>
    error("Previous response with id 'resp_X' not found.", {
      code: 'previous_response_not_found',
      param: 'previous_response_id',
    }),
  'error-status-code': () => ({
    stream: [{ error: { status_code: 429, ...(usageLimit(429).body as JsonObject), headers: {} } }],
  }),
}

const ALL: Record<string, () => ScenarioInput> = { ...REFUSALS, ...FAILURES, ...STREAMS, ...SOCKETS }

export const BUILTIN_SCENARIO_NAMES: readonly string[] = Object.keys(ALL)

/** Made anew for each use, so that reset times lie ahead. */
export function findBuiltinScenario(name: string): ScenarioInput | undefined {
  return Object.hasOwn(ALL, name) ? ALL[name]?.() : undefined
}
