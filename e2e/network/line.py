"""A bad line between two network namespaces: loss, delay, a narrow rate, no UDP, or nothing at all.

Usage: line.py NAMESPACE NEAR NEAR_ADDRESS FAR FAR_ADDRESS

Makes a device NEAR here and a device FAR in the namespace and carries packets between them. What the line is like comes as one
JSON object per line on standard input, each key in both directions or as [towards FAR, from FAR]:
  loss    share of packets that vanish, 0 to 1
  delay   milliseconds each packet takes
  rate    bits a second, 0 for any; what waits longer than half a second vanishes
  udp     whether UDP passes
Each object is answered by the line "ok". The end of the input ends the line.

The kernel's own emulation (netem) does the same, but many kernels come without it.
"""

import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
CLONE_NEWNET = 0x40000000
LONGEST = 2048
QUEUE_SECONDS = 0.5
UDP = 17


def enter(namespace):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def open_device(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


def configure(name, address):
    subprocess.run(["ip", "addr", "add", address, "dev", name], check=True)
    subprocess.run(["ip", "link", "set", name, "mtu", "1400", "up"], check=True)


class Direction:
    def __init__(self, source, target):
        self.source, self.target = source, target
        self.loss, self.delay, self.rate, self.udp = 0.0, 0.0, 0, True
        self.free = 0.0

    def take(self, now, packet, waiting, number):
        # Where the number of the protocol is: in the other family in front of headers that nobody sends here.
        at = 9 if packet[0] >> 4 == 4 else 6
        is_udp = len(packet) > at and packet[at] == UDP
        if (is_udp and not self.udp) or random.random() < self.loss:
            return
        leaves = now
        if self.rate:
            self.free = max(self.free, now)
            if self.free - now > QUEUE_SECONDS:
                return
            self.free += len(packet) * 8 / self.rate
            leaves = self.free
        heapq.heappush(waiting, (leaves + self.delay / 1000, number, self.target, packet))


def change(directions, wish):
    for key, value in wish.items():
        both = value if isinstance(value, list) else [value, value]
        for direction, one in zip(directions, both):
            setattr(direction, key, one)


def main():
    namespace, near, near_address, far, far_address = sys.argv[1:]
    random.seed(1)
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    near_device = open_device(near)
    configure(near, near_address)
    enter(there)
    far_device = open_device(far)
    configure(far, far_address)
    enter(here)

    directions = [Direction(near_device, far_device), Direction(far_device, near_device)]
    waiting = []
    number = 0
    words = b""
    print("ok", flush=True)
    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, target, packet = heapq.heappop(waiting)
            try:
                os.write(target, packet)
            except OSError:
                pass  # the device is down or full, as lines are
        sleep = max(0.0, waiting[0][0] - now) if waiting else None
        ready, _, _ = select.select([0, near_device, far_device], [], [], sleep)
        if 0 in ready:
            piece = os.read(0, LONGEST)
            if not piece:
                return
            words += piece
            while b"\n" in words:
                line, words = words.split(b"\n", 1)
                change(directions, json.loads(line))
                print("ok", flush=True)
        now = time.monotonic()
        for direction in directions:
            if direction.source not in ready:
                continue
            for _ in range(64):
                try:
                    packet = os.read(direction.source, LONGEST)
                except OSError:
                    break
                number += 1
                direction.take(now, packet, waiting, number)


main()
