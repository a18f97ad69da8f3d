import { type CapabilityLayer, mergeCapabilities } from '../turn/capabilities.ts'
import { GatewayError } from '../turn/errors.ts'
import type { WiredBackend } from './wire-backend.ts'

/** For calls that are no turns: with `strict_params`, what would be dropped is refused (connector.md §7.1). @throws GatewayError */
export function refuseDropped(
  { dropped, capabilities }: { readonly dropped: readonly string[]; readonly capabilities: CapabilityLayer },
  backend: WiredBackend,
): void {
  const [first] = dropped
  const { strict_params: isStrict } = mergeCapabilities('images', [backend.capabilities.defaults, capabilities])
  if (first === undefined || !isStrict) return
  throw new GatewayError(
    'unsupported_parameter',
    `This backend has no use for: ${dropped.join(', ')} (strict_params is on).`,
    { param: first },
  )
}
