using System.Net;
using System.Net.Http.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using OpsPlatform.Contracts;
using OpsPlatform.ServiceDefaults.Auth;
using OpsPlatform.ServiceDefaults.Http;
using OpsPlatform.ServiceDefaults.Tenancy;

namespace OpsPlatform.ServiceDefaults.Work;

/// <summary>Asks the service that counts the votes whether a plan can be agreed to at all. The service needs its address and a secret of its own.</summary>
public sealed class Agreements(ServiceClient client, Caller caller)
{
    private static readonly TimeSpan Within = TimeSpan.FromSeconds(10);

    /// <returns>Why the caller's organisation can never agree to it, to be answered as it is; null when it can.</returns>
    /// <exception cref="ServiceAwayException">Nobody can vote at present.</exception>
    public async Task<ProblemHttpResult?> RefusalOf(OperationPlan plan, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Within);
        using var question = JsonContent.Create(new { plan.Policy, UserId = caller.Actor, plan.Records, plan.Money, plan.Deletions }, options: Json.Options);
        using var answer = await client.Send(caller, "operations", HttpMethod.Post, "/operations/policies/check", question, limit.Token);
        if (answer.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.UnprocessableEntity)
        {
            var problem = (await answer.Content.ReadFromJsonAsync<ProblemDetails>(limit.Token))!;
            problem.Extensions.Remove("traceId");
            return TypedResults.Problem(problem);
        }

        answer.EnsureSuccessStatusCode();
        return null;
    }
}
