/** Encryption of what is stored of runs. */
export interface EncryptionConfig {
  /** Name of the environment variable that holds the master key: 32 bytes in base64. `NAME_FILE` may name a file that holds it. */
  readonly keyFrom: string;
  /** Names of those that hold earlier master keys, until `tutti encryption rotate` has ended. @default none */
  readonly previousFrom?: readonly string[];
}
