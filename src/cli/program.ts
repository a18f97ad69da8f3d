import { Command, InvalidArgumentError } from 'commander'
import { isAccountName } from '../accounts/named-accounts.ts'
import { packageVersion } from '../lib/version.ts'

/** Ends the process with this status. */
export type End = (status: number) => void

const EXIT_CODES = `
Exit codes:
  0    done
  1    failed
  2    wrong usage or configuration
  130  stopped at once by a second signal`

/** The command line as a tree; what a command does is loaded when it is called, so that help is quick. */
export function createProgram(end: End): Command {
  const program = new Command('codexway')
    .description('Turns your own ChatGPT/Codex sign-in into a local, OpenAI-compatible endpoint.')
    .addHelpText('afterAll', EXIT_CODES)
    .showSuggestionAfterError()
    .exitOverride()
  addServe(program, end)
  addLogin(program, end)
  addLogout(program, end)
  addAccounts(program, end)
  addStatus(program, end)
  addKeys(program, end)
  addModels(program, end)
  addDoctor(program, end)
  addConfig(program, end)
  addCompat(program, end)
  addSimulate(program, end)
  addDemo(program, end)
  addVersion(program)
  return program
}

function addServe(program: Command, end: End): void {
  withConfig(program.command('serve'))
    .description('Start the gateway. It runs until SIGINT or SIGTERM, lets running requests finish, and ends with 0.')
    .option('--simulate', 'use the built-in stand-in for the backend; no account needed')
    .option('--scenarios <file>', 'with --simulate: play the scenarios of this YAML or JSON file')
    .option('--ready-file <path>', 'write {"pid","url","port"} here once it listens')
    .addHelpText(
      'after',
      examples(
        'codexway serve',
        'codexway serve --port 0 --ready-file ready.json',
        'codexway serve --simulate',
        'codexway serve --set backends.openai_codex.extra.codex.default_capabilities.prompt_mode=merge_custom',
      ),
    )
    .action(async (flags) => end(await (await import('./serve.ts')).runServe(flags)))
}

function addLogin(program: Command, end: End): void {
  withConfig(program.command('login'))
    .description(
      'Sign in with ChatGPT and write the auth.json that the gateway and the Codex CLI use. An old one stays until the new one is complete.',
    )
    .option('--device', 'show a code to enter on any device; for SSH and containers')
    .option('--paste', 'take the final address of the browser from the terminal; no port needed')
    .option('--import <path>', 'copy an auth.json, or the one in this directory, after checking it')
    .option('--with-access-token', 'read a personal access token (at-…) from stdin')
    .option('--no-browser', 'only print the address')
    .option('--account <name>', 'sign in a further account under this name', checkAccount)
    .addHelpText(
      'after',
      examples(
        'codexway login',
        'codexway login --device --account work',
        'codexway login --with-access-token < token.txt',
      ),
    )
    .action(async (flags) => end(await (await import('./login.ts')).runLogin(flags)))
}

function addLogout(program: Command, end: End): void {
  withConfig(program.command('logout'))
    .description('Revoke the sign-in at the issuer and remove its auth.json')
    .option('--account <name>', 'the account of this name', checkAccount)
    .addHelpText('after', examples('codexway logout'))
    .action(async (flags) => end(await (await import('./logout.ts')).runLogout(flags)))
}

function addAccounts(program: Command, end: End): void {
  const accounts = program.command('accounts').description('Keep several sign-ins, each under a name')
  const load = () => import('./accounts.ts')
  withConfig(accounts.command('list'))
    .description('List the accounts; * is the one used where an instance names none')
    .option('--json', 'for machines')
    .addHelpText('after', examples('codexway accounts list'))
    .action(async (flags) => end(await (await load()).runAccountList(flags)))
  const about = (name: string, description: string, example: string) =>
    withConfig(accounts.command(name))
      .argument('<name>', 'account name; `default` is the sign-in the Codex CLI uses', checkAccount)
      .description(description)
      .addHelpText('after', examples(example))
  about('show', 'Show one account', 'codexway accounts show work').action(async (name, flags) =>
    end(await (await load()).runAccountShow(name, flags)),
  )
  about('use', 'Use this account where an instance names none', 'codexway accounts use work').action(
    async (name, flags) => end(await (await load()).runAccountUse(name, flags)),
  )
  about('test', 'Ask the backend with this account', 'codexway accounts test work').action(async (name, flags) =>
    end(await (await load()).runAccountTest(name, flags)),
  )
  about('remove', 'Revoke this account’s sign-in and forget the account', 'codexway accounts remove work').action(
    async (name, flags) => end(await (await load()).runAccountRemove(name, flags)),
  )
}

function addStatus(program: Command, end: End): void {
  withConfig(program.command('status'))
    .description('Show what is left of the plan: windows, when they begin anew, credits. 1 if it cannot be told.')
    .option('--json', 'for machines; with --watch one line each time')
    .option('--watch', 'look again and again, until SIGINT or SIGTERM')
    .option('--interval <seconds>', 'with --watch: seconds between two looks (default: 60)', checkWhole)
    .addHelpText('after', examples('codexway status', 'codexway status --watch --interval 30'))
    .action(async (flags) => end(await (await import('./status.ts')).runStatus(flags)))
}

function addKeys(program: Command, end: End): void {
  program
    .command('keys')
    .description('Keys that clients of the gateway must send')
    .command('create')
    .description('Print a new key and the line for server.api_keys that stands for it. Neither is kept.')
    .option('--json', 'for machines: {key, hash}')
    .addHelpText('after', examples('codexway keys create'))
    .action(async (flags) => end((await import('./keys.ts')).runKeysCreate(flags)))
}

function addModels(program: Command, end: End): void {
  withConfig(program.command('models'))
    .description('List the models of the default backend, and where the list comes from')
    .option('--json', 'for machines')
    .addHelpText('after', examples('codexway models', 'codexway models --json | jq -r ".[].slug"'))
    .action(async (flags) => end(await (await import('./models.ts')).runModels(flags)))
}

function addDoctor(program: Command, end: End): void {
  withConfig(program.command('doctor'))
    .description(
      'Check configuration, sign-in, token, backend, issuer and model list; say what to do next. 1 if a check fails.',
    )
    .addHelpText('after', examples('codexway doctor', 'codexway doctor --codex-path ~/other/.codex'))
    .action(async (flags) => end(await (await import('./doctor.ts')).runDoctor(flags)))
}

function addConfig(program: Command, end: End): void {
  const config = withConfig(program.command('config'))
    .description('Print the effective configuration, each value with its source and without secrets. 2 if it is wrong.')
    .option('--json', 'for machines: {config, sources}')
    .addHelpText('after', examples('codexway config', 'codexway config --json --config other.yaml'))
    .action(async (flags) => end((await import('./config.ts')).runConfig(flags)))
  config
    .command('schema')
    .description('Print the JSON Schema of the configuration file, for editors')
    .addHelpText('after', examples('codexway config schema > config.schema.json'))
    .action(async () => end((await import('./config.ts')).runSchema()))
}

function addCompat(program: Command, end: End): void {
  program
    .command('compat')
    .description(
      'Compare what the gateway sends with captures of the Codex CLI, field by field. 1 if anything is unexpected.',
    )
    .requiredOption('--against <directory>', 'directory of the captures')
    .option('--json', 'for machines: {held_to, turns}')
    .addHelpText(
      'after',
      examples(
        'codexway compat --against test/fixtures/codex-cli',
        'codexway compat --against captures --json | jq ".turns[].unexpected"',
      ),
    )
    .action(async (flags) => end(await (await import('./compat.ts')).runCompat(flags)))
}

function addSimulate(program: Command, end: End): void {
  program
    .command('simulate')
    .description('Start the stand-in for the Codex backend and its OAuth issuer alone, until SIGINT or SIGTERM')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('--port <number>', 'port to listen on; 0 picks a free one', checkPort, '2634')
    .option('--auth-directory <path>', 'write an auth.json that the simulator accepts into this directory')
    .option('--scenarios <file>', 'play the scenarios of this YAML or JSON file')
    .option('--scenario <name>', 'answer every request with this built-in scenario')
    .option('--list', 'print the names of the built-in scenarios and end')
    .option('--pace-ms <ms>', 'pause between events of scenarios that say nothing', checkWhole)
    .option('--token-lifetime <seconds>', 'how long access tokens live', checkWhole)
    .addHelpText(
      'after',
      examples(
        'codexway simulate',
        'codexway simulate --port 0 --auth-directory /tmp/sim',
        'codexway simulate --scenario usage-limit',
      ),
    )
    .action(async (flags) => end(await (await import('./simulate.ts')).runSimulate(flags)))
}

function addDemo(program: Command, end: End): void {
  program
    .command('demo')
    .description('Show a streamed answer and a tool round trip against the simulator, then end')
    .addHelpText('after', examples('codexway demo'))
    .action(async () => end(await (await import('./demo.ts')).runDemo()))
}

/** Here and on every command below. */
function addVersion(command: Command): void {
  command.version(packageVersion(), '-V, --version', 'print the version')
  command.commands.forEach(addVersion)
}

function withConfig(command: Command): Command {
  return command
    .option('--config <path>', 'configuration file (default: ./config.yaml, then the per-user one)')
    .option('--host <address>', 'address to listen on')
    .option('--port <number>', 'port to listen on; 0 picks a free one')
    .option('--base-url <url>', 'backend base URL, for every instance')
    .option('--codex-path <path>', 'directory holding auth.json, or the file itself, for every instance')
    .option('--default-backend <name>', 'instance for models named without one')
    .option('--log-level <level>', 'trace, debug, info, warn, error, fatal or silent')
    .option('--set <key.path=YAML>', 'set any key of the configuration; may be repeated', collect)
}

function collect(value: string, all: readonly string[] = []): readonly string[] {
  return [...all, value]
}

function checkPort(text: string): string {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return text
  throw new InvalidArgumentError('Expected a whole number from 0 to 65535.')
}

function checkAccount(text: string): string {
  if (isAccountName(text)) return text
  throw new InvalidArgumentError('Expected letters, digits, "_", "." and "-".')
}

function checkWhole(text: string): string {
  if (/^\d{1,9}$/.test(text)) return text
  throw new InvalidArgumentError('Expected a whole number.')
}

function examples(...lines: readonly string[]): string {
  return ['', lines.length === 1 ? 'Example:' : 'Examples:', ...lines.map((line) => `  ${line}`)].join('\n')
}
