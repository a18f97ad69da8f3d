import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { startGateway } from '../support/gateway.ts'

const CHAT = { model: 'gpt-5.5', messages: [{ role: 'user', content: 'hello' }] }
const HTML = { status: 403, body: '<html>Just a moment...</html>', headers: { 'cf-mitigated': 'challenge' } }

async function failure(response: Response) {
  // Our own error body, read as the test needs it.
  const { error } = (await response.json()) as { error: { code: string; message: string } }
  return { status: response.status, code: error.code, message: error.message }
}

describe('what the backend says of the account leaves the sign-in alone', () => {
  test.each([
    ['the edge', { status: 403, html: '<html>blocked</html>' }, 502, 'upstream_blocked', /credentials/],
    [
      'a workspace that shuts the person out',
      { status: 403, body: { error: { code: 'codex_workspace_access_denied', message: 'No access.' } } },
      403,
      'codex_workspace_access_denied',
      /No access/,
    ],
    [
      'a workspace that is gone',
      { status: 402, body: { detail: { code: 'deactivated_workspace' } } },
      402,
      'deactivated_workspace',
      /workspace/,
    ],
    [
      'a plan without the model',
      {
        status: 400,
        body: { detail: "The 'gpt-5.5' model is not supported when using Codex with a ChatGPT account." },
      },
      404,
      'model_not_found',
      /gpt-5\.5/,
    ],
  ] as const)('%s', async (_name, scenario, status, code, words) => {
    const gateway = await startGateway()
    const before = readFileSync(gateway.authPath, 'utf8')
    gateway.simulator.play({ ...scenario, repeat: 'always' })
    const answer = await failure(await gateway.post('/v1/chat/completions', CHAT))
    expect(answer).toEqual({ status, code, message: expect.stringMatching(words) })
    expect(answer.message).not.toContain('codex login')
    expect([gateway.simulator.countCalls('token'), readFileSync(gateway.authPath, 'utf8')]).toEqual([0, before])
  })
})

test('HTML in front of the issuer is no refusal: the refresh token is good for the next try', async () => {
  const gateway = await startGateway({ auth: { expiresInS: -1 } })
  const before = readFileSync(gateway.authPath, 'utf8')
  gateway.simulator.answerCall('token', HTML)
  expect(await failure(await gateway.post('/v1/chat/completions', CHAT))).toMatchObject({
    status: 503,
    code: 'codex_auth_refresh_failed',
    message: expect.stringContaining('HTTP 403'),
  })
  expect(readFileSync(gateway.authPath, 'utf8')).toBe(before)
  gateway.simulator.answerCall('token', undefined)
  expect((await gateway.post('/v1/chat/completions', CHAT)).status).toBe(200)
})

test('tokens of another account after a refresh are used, and the file keeps the account it was for', async () => {
  const gateway = await startGateway({ auth: { expiresInS: -1 } })
  const { simulator, authPath } = gateway
  const other = simulator.issuer.issue({ accountId: 'acct-A', claimAccountId: 'acct-B' })
  simulator.playToken({ status: 200, body: { ...other, account_id: undefined } })
  expect((await gateway.post('/v1/chat/completions', CHAT)).status).toBe(200)
  expect(simulator.onlyRequest().headers).toMatchObject({
    authorization: `Bearer ${other.access_token}`,
    'chatgpt-account-id': 'acct-A',
  })
  expect(JSON.parse(readFileSync(authPath, 'utf8')).tokens).toMatchObject({
    access_token: other.access_token,
    account_id: 'acct-A',
  })
})
