module poterne.test/kube/verify

go 1.26.0
