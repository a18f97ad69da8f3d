import { z } from 'zod'
import { optionalSetting, section, setting } from './setting.ts'

const KEY = z.string().min(1, { error: 'expected text that is not empty' })

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
      'Keys clients must send, as `Authorization: Bearer` or `x-api-key`. None: any key or no key is fine.',
    ),
    allowed_hosts: setting(z.array(KEY), [], '`Host` names accepted besides loopback ones while bound to loopback.'),
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
        .max(1024 ** 3),
      64 * 1024 * 1024,
      'Limit of a request body after decoding, and of a WebSocket message.',
    ),
    websocket: setting(
      z.boolean(),
      true,
      'Responses over WebSocket: `GET /v1/responses` with an upgrade. Off: 426, which clients take as "use HTTP".',
    ),
    drain_seconds: setting(z.number().min(0).max(3600), 30, 'Time running requests get when the gateway is stopped.'),
  },
  'The listening side.',
)
