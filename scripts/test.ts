/** The whole gate: types, lint, docs, unit and end-to-end tests, real clients. Ends with `N passed, N failed`. */
import { spawn } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

interface Step {
  readonly name: string
  readonly command: readonly [string, ...string[]]
  /** Where the runner leaves its counts; a step without one counts as one check. */
  readonly report?: string
}

const cache = join(import.meta.dirname, '..', '.cache')
const report = (name: string) => join(cache, `${name}-report.json`)

function vitest(project: string): Step {
  const file = report(project)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  return { name: project, command: ['vitest', 'run', '--project', project, ...reporters], report: file }
}

const steps: readonly Step[] = [
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'lint', command: ['biome', 'check', '--error-on-warnings', '.'] },
  { name: 'docs', command: ['node', 'scripts/generate-docs.ts', '--check'] },
  vitest('unit'),
  vitest('e2e'),
  {
    name: 'clients',
    command: ['node', 'scripts/test-clients.ts', '--report', report('clients')],
    report: report('clients'),
  },
]

let passed = 0
let failed = 0
for (const step of steps) {
  const startedAtMs = Date.now()
  if (step.report !== undefined) rmSync(step.report, { force: true })
  const code = await run(step.command)
  const counts = step.report === undefined ? undefined : readCounts(step.report)
  const result = counts ?? { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 }
  passed += result.passed
  failed += code !== 0 && result.failed === 0 ? 1 : result.failed
  const seconds = ((Date.now() - startedAtMs) / 1000).toFixed(1)
  console.log(`\n== ${step.name}: ${code === 0 ? 'ok' : 'FAILED'} (${result.passed} passed, ${seconds} s)\n`)
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

function run([command, ...args]: readonly [string, ...string[]]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'inherit', cwd: join(import.meta.dirname, '..') })
    child.once('error', (error) => {
      console.error(`${command}: ${error.message}`)
      resolve(1)
    })
    child.once('close', (code) => resolve(code ?? 1))
  })
}

function readCounts(file: string): { passed: number; failed: number } | undefined {
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(file, 'utf8'))
    return { passed: Number(numPassedTests), failed: Number(numFailedTests) }
  } catch {
    return undefined
  }
}
