import { z } from 'zod'
import { optionalSetting, section, setting } from './setting.ts'

const MIB = 1024 * 1024
const TEXT = z.string().min(1, { error: 'expected text that is not empty' })
const KEY = TEXT.regex(/^(?!sha256:)|^sha256:[0-9a-f]{64}$/, {
  error: 'expected a key, or "sha256:" and 64 hexadecimal digits as `codexway keys create` prints',
})

export const serverSchema = section(
  {
    host: setting(
      z.string().min(1, { error: 'expected an address; 0.0.0.0 means all of them' }),
      '127.0.0.1',
      'Address to listen on. Beyond loopback only with `api_keys`.',
    ),
    port: setting(z.int().min(0).max(65_535), 2633, '0 picks a free port and prints it.'),
    ollama_port: optionalSetting(
      z.int().min(0).max(65_535),
      "A second port that serves Ollama's API besides all the rest; 11434 is the one its clients look for.",
    ),
    api_keys: setting(
      z.array(KEY),
      [],
      'Keys clients must send, as `Authorization: Bearer` or `x-api-key`, or their hashes as `codexway keys create` prints them. None: any key or no key is fine.',
    ),
    allowed_hosts: setting(z.array(TEXT), [], '`Host` names accepted besides loopback ones while bound to loopback.'),
    cors_origins: setting(
      z.array(
        z
          .string()
          .regex(/^(\*|[a-z][\w+.-]*:\/\/[^/\s]+)$/i, { error: 'expected an origin such as https://app.example' }),
      ),
      [],
      'Web origins accepted besides loopback ones.',
    ),
    max_body_bytes: setting(
      z
        .int()
        .min(1024)
        .max(1024 * MIB),
      64 * MIB,
      'Limit of a request body after decoding, and of a WebSocket message.',
    ),
    websocket: setting(
      z.boolean(),
      true,
      'Responses over WebSocket: `GET /v1/responses` with an upgrade. Off: 426, which clients take as "use HTTP".',
    ),
    max_header_bytes: setting(z.int().min(8192).max(MIB), 64 * 1024, 'Limit of a request’s headers.'),
    max_concurrent_requests: setting(
      z.int().min(1).max(1_000_000),
      4096,
      'Requests answered at the same time; more are refused with 503 `gateway_busy`. `/health` is always answered.',
    ),
    header_seconds: setting(z.number().min(1).max(3600), 20, 'Time a client gets to send the headers of a request.'),
    request_seconds: setting(
      z.number().min(1).max(3600),
      300,
      'Time a client gets to send a whole request; then 408 `request_timeout`. Answers may take as long as they like.',
    ),
    drain_seconds: setting(z.number().min(0).max(3600), 30, 'Time running requests get when the gateway is stopped.'),
  },
  'The listening side.',
)
