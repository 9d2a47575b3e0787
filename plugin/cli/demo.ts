export async function demoCommand(_options: { progress?: boolean }): Promise<void> {}
