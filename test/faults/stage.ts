import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Simulator, startSimulator } from '../../src/simulator/server.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { type MeasuredGateway, startMeasuredGateway } from '../support/measured-gateway.ts'

const TLS = join(import.meta.dirname, '..', 'fixtures', 'tls')

/** The gateway's limit for silences: long beside what a fault that is none costs, short beside a test. */
export const SILENCE_S = 2

export type Transport = 'sse' | 'websocket'

/** A gateway in a process of its own, the fault proxy, and the simulator behind it. */
export interface FaultStage {
  readonly gateway: MeasuredGateway
  readonly proxy: FaultProxy
  readonly simulator: Simulator
  end(): Promise<void>
}

export async function startFaultStage(transport: Transport, isTls: boolean): Promise<FaultStage> {
  const home = mkdtempSync(join(tmpdir(), 'codexway-faults-'))
  const simulator = await startSimulator()
  const proxy = await startFaultProxy(Number(new URL(simulator.url).port), isTls ? certificates() : undefined)
  simulator.writeAuthFile(home)
  const yaml = `backends: {openai_codex: {timeout: ${SILENCE_S}, extra: {codex: {transport: ${transport}}}}}`
  writeFileSync(join(home, 'config.yaml'), yaml)
  const gateway = await startMeasuredGateway(home, {
    OPENAI_CODEX_PATH: home,
    OPENAI_API_BASE_URL: `${proxy.url}/backend-api/codex`,
    CODEX_REFRESH_TOKEN_URL_OVERRIDE: `${simulator.url}/oauth/token`,
    NODE_EXTRA_CA_CERTS: join(TLS, 'loopback-cert.pem'),
  })
  return {
    gateway,
    proxy,
    simulator,
    async end() {
      await gateway[Symbol.asyncDispose]()
      await proxy.close()
      await simulator.close()
      rmSync(home, { recursive: true, force: true })
    },
  }
}

function certificates() {
  const read = (name: string) => readFileSync(join(TLS, name))
  return {
    right: { key: read('loopback-key.pem'), cert: read('loopback-cert.pem') },
    wrong: { key: read('key.pem'), cert: read('cert.pem') },
  }
}
