#!/usr/bin/env bash
# Starts one monitor, one OSD that keeps everything in memory, and an S3 gateway: DIRECTORY PORT MON_PORT MON_PORT_2 KEY SECRET
set -euo pipefail
home=$1 port=$2 mon=$3 mon2=$4 key=$5 secret=$6
mkdir -p -m 700 "$home/mon" "$home/osd" "$home/rgw"
cd "$home"
cluster=$(cat /proc/sys/kernel/random/uuid)
cat >ceph.conf <<CONF
[global]
fsid=$cluster
mon_host=[v2:127.0.0.1:$mon,v1:127.0.0.1:$mon2]
mon_initial_members=a
public_network=127.0.0.0/8
cluster_network=127.0.0.0/8
ms_mon_client_mode=crc
auth_cluster_required=none
auth_service_required=none
auth_client_required=none
auth_allow_insecure_global_id_reclaim=true
osd_pool_default_size=1
osd_pool_default_min_size=1
osd_pool_default_pg_num=1
osd_pool_default_pgp_num=1
osd_pool_default_pg_autoscale_mode=off
mon_warn_on_pool_no_redundancy=false
mon_allow_pool_size_one=true
mon_max_pg_per_osd=1000
mon_data_avail_crit=1
paxos_propose_interval=0.05
paxos_min_wait=0.01
mon_tick_interval=1
osd_crush_chooseleaf_type=0
osd_objectstore=memstore
memstore_device_bytes=1073741824
run_dir=$home
admin_socket=$home/\$name.asok
log_file=$home/\$name.log
pid_file=$home/\$name.pid
mon_data=$home/mon
osd_data=$home/osd
rgw_data=$home/rgw
[client.rgw.a]
rgw_frontends=beast endpoint=127.0.0.1:$port
rgw_thread_pool_size=16
rgw_enable_usage_log=false
rgw_run_sync_thread=false
rgw_enable_quota_threads=false
CONF
export CEPH_CONF=$home/ceph.conf
monmaptool --create --fsid "$cluster" --addv a "[v2:127.0.0.1:$mon,v1:127.0.0.1:$mon2]" monmap
ceph-mon -i a --mkfs --monmap monmap
ceph-mon -i a
osd=$(cat /proc/sys/kernel/random/uuid)
ceph osd new "$osd"
ceph-osd -i 0 --mkfs --osd-uuid "$osd"
ceph osd crush add osd.0 1 root=default host=h
ceph-osd -i 0
for _ in $(seq 100); do ceph osd stat | grep -q '1 up' && break; sleep 0.2; done
timeout 60 radosgw-admin user create --uid tests --display-name tests --access-key "$key" --secret "$secret"
radosgw -n client.rgw.a --setuser root --setgroup root
