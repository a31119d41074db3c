import { createEmulator } from 'emulate'
import { serve } from './serve.js'

serve(({ service, issuer, seed }) => {
  let emulator
  return {
    async listen() {
      const { origin, port } = new URL(issuer)
      emulator = await createEmulator({ service, port: Number(port), baseUrl: origin, seed: { [service]: seed } })
    },
    close: () => emulator.close(),
  }
})
