import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** TCP ports that were free a moment ago, for programs that cannot choose one themselves. */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports: number[] = []
  for (const server of servers) {
    server.listen(0, host)
    await once(server, 'listening')
    ports.push((server.address() as AddressInfo).port)
  }
  for (const server of servers) server.close()
  return ports
}
