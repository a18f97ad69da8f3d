import assert from 'node:assert/strict'
import type Anthropic from '@anthropic-ai/sdk'
import type OpenAI from 'openai'
import type { JsonObject } from '../../src/lib/json.ts'
import { type RecordedRequest, toFullBody } from '../../src/simulator/records.ts'
import type { ScenarioInput, StepInput } from '../../src/simulator/scenario.ts'
import type { Simulator } from '../../src/simulator/server.ts'

/**
 * What a client gets: the backend's own (`passed`), the same made by the gateway (`emulated`), an answer without it that
 * says so (`dropped`), or an error that says so (`refused`).
 */
export type Outcome = 'passed' | 'emulated' | 'dropped' | 'refused'

export const TRANSPORTS = ['http', 'websocket'] as const
export type Transport = (typeof TRANSPORTS)[number]

export const DOORS = ['chat', 'responses', 'messages'] as const
export type Door = (typeof DOORS)[number]

/** A gateway in front of a simulator that takes WebSockets or does not, and the official clients. */
export interface Lab {
  readonly transport: Transport
  readonly simulator: Simulator
  readonly openai: OpenAI
  readonly anthropic: Anthropic
}

/** One cell of the table: what it claims, and the check that fails where the claim is wrong. */
export interface Claim {
  readonly outcome: Outcome
  check(lab: Lab): Promise<void>
}

/** One feature. A door that has no such feature has no claim. */
export interface Row {
  readonly feature: string
  readonly claims: Partial<Record<Door, Claim>>
}

/** A call besides turns: its name as the client spells it. */
export interface Call {
  readonly call: string
  readonly claim: Claim
}

/** The check asserts what the client got, and where it matters what the backend was sent. */
export function passed(check: (lab: Lab) => Promise<void>): Claim {
  return { outcome: 'passed', check }
}

/** As `passed`, and none of the fields ever reached the backend. */
export function emulated(fields: readonly string[], check: (lab: Lab) => Promise<void>): Claim {
  return {
    outcome: 'emulated',
    async check(lab) {
      await check(lab)
      assertAbsent(lab, fields)
    },
  }
}

/** Answered with 200, the field named in `x-codexway-dropped-params` and not sent on. */
export function dropped(field: string, ask: (lab: Lab) => PromiseLike<Response>): Claim {
  return {
    outcome: 'dropped',
    async check(lab) {
      const response = await ask(lab)
      await response.text()
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('x-codexway-dropped-params'), field)
      assertAbsent(lab, [field])
    },
  }
}

/**
 * An error of the client's own class. @param by who says so: the gateway before the backend has been asked, or the
 * backend, whose words come through
 */
export function refused(
  status: number,
  ask: (lab: Lab) => PromiseLike<unknown>,
  by: 'gateway' | 'backend' = 'gateway',
): Claim {
  return {
    outcome: 'refused',
    async check(lab) {
      const error = await rejection(ask(lab))
      assert.equal(error.status, status, String(error.message))
      assert.match(String(error.message), /\w{4}/)
      assert.equal(lab.simulator.requests.length, by === 'gateway' ? 0 : 1)
    },
  }
}

/** What the promise was rejected with. @throws AssertionError if it was not */
export async function rejection(promise: PromiseLike<unknown>): Promise<JsonObject> {
  const caught = await Promise.resolve(promise).then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(caught instanceof Error, 'nothing was thrown')
  // Errors of the clients carry status, code and headers as properties.
  return Object.assign(Object.create(null), { name: caught.constructor.name, message: caught.message }, caught)
}

/** A whole turn of these steps. */
export function turn(...steps: StepInput[]): ScenarioInput {
  return { stream: [{ created: true }, ...steps, { completed: true }] }
}

/** The body of the only request, as it would be without a continuation. */
export function sent({ simulator }: Lab): JsonObject {
  return toFullBody(simulator.onlyRequest())
}

/** The items the backend was given, of the last request. */
export function lastItems({ simulator }: Lab): readonly JsonObject[] {
  const request: RecordedRequest | undefined = simulator.requests.at(-1)
  return request?.context ?? []
}

/** What the gateway itself says in every request. */
const ALWAYS_SENT: Readonly<JsonObject> = { store: false }

function assertAbsent({ simulator }: Lab, fields: readonly string[]): void {
  for (const { body } of simulator.requests) {
    for (const field of fields) assert.deepEqual(body[field], ALWAYS_SENT[field], `the backend was sent "${field}"`)
  }
}
