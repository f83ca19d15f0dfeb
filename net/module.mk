# TCP over IPv4, sans I/O: time and packets are arguments.
net_FOLDERS := net/wire net/timer net/tcp net/dev
net_SOURCES := skb.cc stack.cc dev/link.cc tcp/congestion.cc tcp/rtt.cc \
	tcp/tcp_input.cc tcp/tcp_output.cc tcp/tcp_receive_queue.cc tcp/tcp_sock.cc tcp/tcp_timer.cc \
	timer/timer_wheel.cc wire/checksum.cc wire/ipv4.cc wire/tcp_segment.cc
net_MAY_INCLUDE := mm lockdep lib/cpu lib
net_UMBRELLA := net/net.h
