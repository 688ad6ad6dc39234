/** A delivery that may be trusted: `type` is `task.` and the status of the end, `data` the task. */
export interface WebhookEvent {
  readonly type: string
  readonly timestamp: string
  readonly data: Readonly<Record<string, unknown>> & { readonly task_id: string; readonly status: string }
}

export interface Delivery {
  /** The body as it came, not parsed. */
  readonly body: string
  readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>
}

/** A delivery may be this old, or this far ahead: half of it for clocks that differ, half for repeats. */
const TOLERANCE_SECONDS = 300
const SECRET_MARK = 'whsec_'

/**
 * Checks a webhook (Standard Webhooks: HMAC-SHA-256 of `id.timestamp.body`).
 *
 * @param secret `whsec_` and base64, as WEBHOOK_SECRET or the submit has it
 * @throws Error when the signature is not right, or the delivery is older than five minutes
 */
export async function verifyWebhook(delivery: Request | Delivery, secret: string): Promise<WebhookEvent> {
  const body = delivery instanceof Request ? await delivery.clone().text() : delivery.body
  const id = header(delivery, 'webhook-id')
  const timestamp = header(delivery, 'webhook-timestamp')
  const signatures = header(delivery, 'webhook-signature').split(' ')
  const age = Math.abs(Date.now() / 1000 - Number(timestamp))
  if (!(age <= TOLERANCE_SECONDS))
    throw new Error(`The webhook-timestamp "${timestamp}" is too old, or no time.`)
  const key = await crypto.subtle.importKey(
    'raw',
    toBytes(secret.startsWith(SECRET_MARK) ? secret.slice(SECRET_MARK.length) : secret),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['verify'],
  )
  const signed = new TextEncoder().encode(`${id}.${timestamp}.${body}`)
  for (const signature of signatures) {
    const [version, text = ''] = signature.split(',')
    if (version === 'v1' && (await crypto.subtle.verify('HMAC', key, toBytes(text), signed))) {
      return JSON.parse(body) as WebhookEvent
    }
  }
  throw new Error('The webhook-signature does not fit the body and the secret.')
}

function header({ headers }: Request | Delivery, name: string): string {
  const found: unknown =
    headers instanceof Headers ? headers.get(name) : (headers as Record<string, unknown>)[name]
  if (typeof found !== 'string' || found === '') throw new Error(`The header ${name} is missing.`)
  return found
}

/** @throws Error for what is not base64 */
function toBytes(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64)
  const bytes = new Uint8Array(text.length)
  for (let index = 0; index < text.length; index += 1) bytes[index] = text.charCodeAt(index)
  return bytes
}
