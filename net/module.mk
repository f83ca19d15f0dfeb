# TCP over IPv4, sans I/O: time and packets are arguments.
net_FOLDERS := net/wire net/timer net/skb net/dev net/tcp
net_SOURCES := stack.cc dev/link.cc skb/skb.cc tcp/congestion.cc tcp/rtt.cc tcp/tcp_config.cc \
	tcp/tcp_input.cc tcp/tcp_output.cc tcp/tcp_receive_queue.cc tcp/tcp_sock.cc tcp/tcp_timer.cc \
	timer/timer_wheel.cc wire/checksum.cc wire/ipv4.cc wire/tcp_segment.cc
net_MAY_INCLUDE := net/wire net/skb net/dev net/tcp net/timer mm lockdep lib/cpu lib
net_UMBRELLA := net/net.h
# Rooms of this module: the same rule, inside.
net/wire_MAY_INCLUDE := lib
net/timer_MAY_INCLUDE := lib
net/skb_MAY_INCLUDE := net/wire mm lib
net/dev_MAY_INCLUDE := net/skb lib
net/tcp_MAY_INCLUDE := net/wire net/timer net/skb lib
