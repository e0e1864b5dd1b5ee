module understudy/cluster/pause

go 1.24
