import { inspect } from 'node:util';
import { isLockstepError, LeaseLostError } from '@lockstep/core';
import { describe, expect, it } from 'vitest';
import { isNoScript, translateError } from '../src/error-translation.ts';

const call = { what: 'lock.acquire', address: 'redis://host:6379' };
const translate = (message: string) => translateError(new Error(message), call);

describe('the translation of errors', () => {
  it.each([
    ["READONLY You can't write against a read only replica.", 'readonly', false],
    ['LOADING Redis is loading the dataset in memory', 'loading', false],
    ['MASTERDOWN Link with MASTER is down', 'readonly', false],
    ['CLUSTERDOWN Hash slot not served', 'cluster-down', false],
    ['TRYAGAIN Multiple keys request during rehashing of slot', 'try-again', false],
    ['BUSY Redis is busy running a script.', 'busy', false],
    [
      'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist on disk.',
      'misconf',
      false,
    ],
    ['NOREPLICAS Not enough good replicas to write.', 'no-replicas', false],
    ['ERR max number of clients reached', 'max-clients', false],
    [
      'ERR Error running script (call to f_1): @user_script:3: -READONLY You can not write',
      'readonly',
      false,
    ],
    ["Stream isn't writeable and enableOfflineQueue options is false", 'connection', false],
    ['connect ECONNREFUSED 127.0.0.1:1', 'connection', false],
    ['Command timed out', 'timeout', true],
    ['Connection is closed.', 'connection', true],
    ['Reached the max retries per request limit (which is 0).', 'connection', true],
    ['read ECONNRESET', 'connection', true],
    ['Too many Cluster redirections. Last error: ReplyError: MOVED 7 h:1', 'redirects', false],
    ['Too many Cluster redirections. Last error: ReplyError: TRYAGAIN Multiple keys', 'try-again', false],
    ['Too many Cluster redirections. Last error: Error: Connection is closed.', 'redirects', true],
    ['No connection to the master of this slot', 'connection', false],
    ['Not sent: the writes before it wait for replicas', 'timeout', false],
  ])('says of "%s" that Redis is unavailable: %s, outcome unknown: %s', (message, reason, outcomeUnknown) => {
    const error = translate(message);
    expect(error).toMatchObject({ code: 'REDIS_UNAVAILABLE', retryable: true, reason, outcomeUnknown });
    expect(error.message).toContain('lock.acquire at redis://host:6379');
    expect(error.cause).toBeInstanceOf(Error);
  });

  it('says of a full Redis that it is full', () => {
    expect(translate("OOM command not allowed when used memory > 'maxmemory'.")).toMatchObject({
      code: 'REDIS_FULL',
      retryable: true,
    });
  });

  it.each([
    ['self-signed certificate in certificate chain', 'tls.ca'],
    ['unable to verify the first certificate', 'tls.ca'],
    [
      "Hostname/IP does not match certificate's altnames: IP: 10.0.0.1 is not in the cert's list",
      'tls.servername',
    ],
    ['certificate has expired', 'renew'],
    [
      'All sentinels are unreachable. Retrying from scratch after 10ms. Last error: certificate has expired',
      'renew',
    ],
    ['C0FF:error:0A000418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca:alert number 48', 'tls.ca'],
    ['write EPROTO C0FF:error:0A00010B:SSL routines:ssl3_get_record:wrong version number', 'TLS port'],
  ])('says of "%s" at once what would make the certificate good', (message, remedy) => {
    const error = translate(message);
    expect(error).toMatchObject({ code: 'REDIS_ACCESS', retryable: false, reason: 'credentials' });
    expect(error.message).toContain(remedy);
  });

  it('takes a sentinel that wants a password for wrong credentials, not for an absent one', () => {
    const words = 'All sentinels are unreachable. Retrying from scratch after 10ms. Last error: ';
    const wrong = translate(`${words}NOAUTH Authentication required.`);
    expect(wrong).toMatchObject({ code: 'REDIS_ACCESS', reason: 'credentials' });
    expect((wrong as { remedy?: string }).remedy).toContain('option sentinel');
    expect(translate(`${words}connect ECONNREFUSED 127.0.0.1:1`)).toMatchObject({
      code: 'REDIS_UNAVAILABLE',
    });
    expect(translate(`${words}Connection is closed.`)).toMatchObject({ reason: 'connection' });
  });

  it('takes a reply of the server that speaks of a certificate for what it is', () => {
    expect(translate('ERR no certificate of that name')).toMatchObject({ code: 'REDIS_COMMAND' });
  });

  it('does not carry what the command was sent with: a password, a payload', () => {
    const failure = Object.assign(new Error('WRONGPASS invalid username-password pair'), {
      command: { name: 'auth', args: ['default', 'canary'] },
    });
    const error = translateError(failure, call);
    expect(inspect(error, { depth: 10 })).not.toContain('canary');
    expect(inspect(error, { depth: 10 })).toContain("name: 'auth'");
  });

  it('finds the command that a script may not run, by the line that Redis names or in its message', () => {
    const source = () => `-- lockstep x\nlocal n = 1\nredis.call('ZADD', KEYS[1], n, 'm')`;
    const told = (message: string) => translateError(new Error(message), { ...call, source });
    const words = "ERR The user executing the script can't";
    const end = 'script: 4243384b, on @user_script:';
    const permission = { code: 'REDIS_ACCESS', reason: 'permission' };
    expect(told(`${words} run this command or subcommand ${end}3.`)).toMatchObject({
      ...permission,
      remedy: '+zadd',
    });
    const twice = () => `if redis.call('PTTL', k) < redis.call('PEXPIRE', k, 1) then end`;
    const both = new Error(`${words} run this command or subcommand ${end}1.`);
    expect(translateError(both, { ...call, source: twice })).toMatchObject({ remedy: '+pttl +pexpire' });
    expect(told(`${words} run this command or subcommand ${end}9.`)).toMatchObject(permission);
    expect(translate(`${words} run this command or subcommand ${end}3.`)).toMatchObject(permission);
    expect(told(`${words} publish to the channel mentioned in the command ${end}3.`)).toMatchObject({
      remedy: '&<prefix>* (channels)',
    });
    expect(
      told("ERR ACL failure in script: User u has no permissions to run the 'hset' command"),
    ).toMatchObject({
      ...permission,
      remedy: '+hset',
    });
  });

  it('names the ACL rule that would allow a command, and the pattern for a key or channel', () => {
    expect(translate("NOPERM this user has no permissions to run the 'evalsha' command")).toMatchObject({
      code: 'REDIS_ACCESS',
      retryable: false,
      reason: 'permission',
      remedy: '+evalsha',
    });
    expect(
      translate('NOPERM this user has no permissions to access one of the keys used as arguments').message,
    ).toContain('keys');
    expect(
      translate('NOPERM this user has no permissions to access one of the channels used as arguments')
        .message,
    ).toContain('channels');
  });

  it.each([
    'NOAUTH Authentication required.',
    'WRONGPASS invalid username-password pair or user is disabled.',
  ])('says of "%s" that the credentials are wrong', (message) => {
    expect(translate(message)).toMatchObject({
      code: 'REDIS_ACCESS',
      reason: 'credentials',
      retryable: false,
    });
  });

  it('leaves what no retry cures as it is, with its text', () => {
    expect(translate('WRONGTYPE Operation against a key')).toMatchObject({
      code: 'REDIS_COMMAND',
      retryable: false,
    });
    expect(translateError('odd', call).message).toContain('odd');
  });

  it('passes an error of ours through', () => {
    const error = new LeaseLostError({ lease: 'x', fencingToken: 1, reason: 'refused' });
    expect(translateError(error, call)).toBe(error);
    expect(isLockstepError(error, 'LEASE_LOST')).toBe(true);
  });

  it('knows a missing script by its code, not by a text that mentions it', () => {
    expect(isNoScript(new Error('NOSCRIPT No matching script. Please use EVAL.'))).toBe(true);
    expect(isNoScript(new Error('ERR something about NOSCRIPT'))).toBe(false);
  });
});
