// Drives a node by viem and prints what it saw as one JSON object.
// Standard input: {url, chainId, privateKey, rich, abi, bytecode}.

import { readFileSync } from "node:fs";
import {
  BaseError,
  ContractFunctionRevertedError,
  MethodNotFoundRpcError,
  createPublicClient,
  createWalletClient,
  defineChain,
  encodeFunctionData,
  http,
  parseAbi,
  webSocket,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";

const given = JSON.parse(readFileSync(0, "utf8"));
const abi = [...given.abi, ...parseAbi(["error Custom()"])];
const account = privateKeyToAccount(given.privateKey);
const payee = "0x0000000000000000000000000000000000000011";
const purpose = `0x${"07".repeat(32)}`;
const chain = defineChain({
  id: given.chainId,
  name: "Dyetrace",
  nativeCurrency: { name: "none", symbol: "NONE", decimals: 18 },
  rpcUrls: { default: { http: [given.url] } },
});
const socket = webSocket(given.url.replace("http://", "ws://"), { keepAlive: false, reconnect: false });
const clients = {
  http: createPublicClient({ chain, transport: http(given.url), pollingInterval: 50 }),
  ws: createPublicClient({ chain, transport: socket }),
};
const wallet = createWalletClient({ account, chain, transport: http(given.url) });

/** Resolves once `count` entries came; rejects when the watcher fails. */
function watch(start, count) {
  const found = [];
  return new Promise((resolve, reject) => {
    const stop = start((entry) => {
      if (found.push(entry) === count) {
        stop();
        resolve(found.slice());
      }
    }, reject);
  });
}

/** The name and arguments of the error a call reverts with. */
async function revertOf(client, functionName, args) {
  try {
    await client.readContract({ address, abi, functionName, args, account });
  } catch (error) {
    const cause = error instanceof BaseError && error.walk((one) => one instanceof ContractFunctionRevertedError);
    if (!cause) throw error;
    return { name: cause.data?.errorName ?? null, arguments: cause.data?.args ?? [], reason: cause.reason ?? null };
  }
  return null;
}

async function proofOf(client, of) {
  try {
    return await client.getProof({ address: of, storageKeys: [`0x${"00".repeat(32)}`] });
  } catch (error) {
    if (error instanceof BaseError && error.walk((one) => one instanceof MethodNotFoundRpcError)) return null;
    throw error;
  }
}

async function look(client) {
  const block = await client.getBlock({ blockTag: "latest", includeTransactions: true });
  return {
    chainId: await client.getChainId(),
    balance: await client.getBalance({ address: given.rich }),
    block,
    again: await client.getBlock({ blockHash: block.hash }),
    total: await client.readContract({ address, abi, functionName: "total" }),
    code: (await client.getCode({ address })).length,
    gas: await client.estimateContractGas({ address, abi, functionName: "pay", args: [payee, purpose, 3n], account }),
    fees: await client.estimateFeesPerGas(),
    events: await client.getContractEvents({ address, abi, eventName: "Paid", fromBlock: 0n }),
    reverts: [await revertOf(client, "pay", [payee, purpose, 0n]), await revertOf(client, "refuse_raw", [])],
    proof: await proofOf(client, given.rich),
  };
}

const deployed = await clients.http.waitForTransactionReceipt({
  hash: await wallet.deployContract({ abi, bytecode: given.bytecode, args: [2n ** 40n] }),
});
const address = deployed.contractAddress;

const count = 3;
const contract = { address, abi, eventName: "Paid" };
let done = false;
const watched = Promise.all([
  watch((take, fail) => clients.ws.watchBlocks({ onBlock: take, onError: fail }), count),
  watch((take, fail) => clients.ws.watchPendingTransactions({ onTransactions: (all) => all.forEach(take), onError: fail }), count),
  watch((take, fail) => clients.ws.watchContractEvent({ ...contract, onLogs: (all) => all.forEach(take), onError: fail }), count),
  watch((take, fail) => clients.http.watchContractEvent({ ...contract, onLogs: (all) => all.forEach(take), onError: fail }), count),
]).finally(() => (done = true));

const payments = [];
const { hash } = await pay(1n, { type: "legacy", gasPrice: 0n });
payments.push(await clients.http.waitForTransactionReceipt({ hash }));
// Watchers don't say when they stand, so payments go on until all of them have seen enough.
for (let amount = 2n; !done; amount += 1n) {
  const { hash } = await pay(amount, { type: "eip1559", maxFeePerGas: 0n, maxPriorityFeePerGas: 0n });
  payments.push(await clients.ws.waitForTransactionReceipt({ hash }));
}
const [blocks, pending, events, polledEvents] = await watched;

/** Signs a payment here and sends the bytes. */
async function pay(amount, fees) {
  const nonce = await clients.ws.getTransactionCount({ address: account.address, blockTag: "pending" });
  const data = encodeFunctionData({ abi, functionName: "pay", args: [payee, purpose, amount] });
  const fields = { chainId: chain.id, nonce, to: address, data, gas: 300_000n, ...fees };
  const serializedTransaction = await account.signTransaction(fields);
  return { hash: await clients.ws.sendRawTransaction({ serializedTransaction }) };
}

const looks = { http: await look(clients.http), ws: await look(clients.ws) };
const seen = { deployed, payments, blocks, pending, events, polledEvents, ...looks };
process.stdout.write(JSON.stringify(seen, (_, value) => (typeof value === "bigint" ? Number(value) : value)));
(await clients.ws.transport.getRpcClient()).close();
