import { onTestFinished } from 'vitest'
import type { JsonObject } from '../../src/lib/json.ts'
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/server.ts'

/** A simulator for the running test, closed when it ends. */
export async function useSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await startSimulator(options)
  onTestFinished(() => simulator.close())
  return simulator
}

/** Headers of a signed-in backend call. */
export function signedIn(simulator: Simulator): Record<string, string> {
  const { access_token: token, account_id: accountId } = simulator.issueTokens()
  return { authorization: `Bearer ${token}`, 'chatgpt-account-id': accountId, 'content-type': 'application/json' }
}

export const USER = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] }

/** The least a classic request needs. */
export const BODY = { model: 'gpt-5.5', instructions: '', input: [USER], store: false, stream: true }

/** A generating request straight to the simulator. */
export function post(simulator: Simulator, body: unknown = BODY, headers = signedIn(simulator)): Promise<Response> {
  const bytes = body instanceof Buffer ? new Uint8Array(body) : JSON.stringify(body)
  return fetch(`${simulator.baseUrl}/responses`, { method: 'POST', headers, body: bytes })
}

/** The JSON of every `data:` line. */
export async function eventsOf(response: Response): Promise<JsonObject[]> {
  const text = await response.text()
  return [...text.matchAll(/^data: (.*)$/gm)].map((match) => JSON.parse(match[1] ?? '') as JsonObject)
}
