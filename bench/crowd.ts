import { connect, type Socket } from 'node:net'

/** A crowd of clients in a process of its own: opens `count` connections of one kind, and tells how many are left. */

const [, , port = '', kind = '', count = '', id = ''] = process.argv
const KEY = Buffer.alloc(16).toString('base64')
const BODY =
  'POST /empty HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n{'

/** What each sends at first, and then again every second. */
const KINDS: Record<string, readonly [first: string, more: string]> = {
  header: ['GET / HTTP/1.1\r\nhost: localhost\r\n', 'x: y\r\n'],
  body: [BODY, ' '],
  // Several replies, because the system's own buffers take the first.
  reader: [`GET /api/tasks/${id}/result HTTP/1.1\r\nhost: localhost\r\n\r\n`.repeat(4), ''],
  websocket: [
    `GET /ws/${id} HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${KEY}\r\n\r\n`,
    '',
  ],
}
const [first, more] = KINDS[kind] ?? ['', '']
const sockets: Socket[] = []
let open = 0

/** Not all in one turn: the listener's queue is short. */
const AT_ONCE = 200
const timer = setInterval(() => {
  for (let index = 0; index < AT_ONCE && sockets.length < Number(count); index += 1) enter()
  if (sockets.length < Number(count)) return
  clearInterval(timer)
  setInterval(() => {
    for (const socket of sockets) if (more !== '' && socket.writable) socket.write(more)
    process.send?.(open)
  }, 1000)
}, 50)

function enter(): void {
  const socket = connect(Number(port), '127.0.0.1', () => {
    open += 1
    socket.write(first)
    if (kind === 'reader') socket.pause()
  })
  sockets.push(socket)
  socket.on('error', () => undefined)
  socket.on('close', () => (open -= 1))
  if (kind !== 'reader') socket.resume()
}
process.on('disconnect', () => process.exit(0))
